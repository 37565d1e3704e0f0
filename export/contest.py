"""Every contestant plays every song: the work, spread over processes.

Processes are spawned, not forked: onnxruntime has threads. They leave Ctrl-C to the one that started them, which ends
them at once.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from training.evaluation.measures import SongMeasures
from training.evaluation.people import people
from training.evaluation.piece import Piece
from training.evaluation.trial import Player, trial
from training.read import Progress, silent

Found = dict[str, SongMeasures]
"""What was measured of one song, by contestant."""


@dataclass(frozen=True, slots=True)
class Contest:
    """What is to be played.

    Args:
        players: By name; people's own accompaniment is always there.
        songs: The songs.
        seeds: Performances of each song by a player that is random.
    """

    players: Mapping[str, Player]
    songs: Sequence[Piece]
    seeds: int

    def run(self, jobs: int, progress: Progress = silent) -> dict[str, list[SongMeasures]]:
        """All of it, by contestant and song; the same however many processes do it.

        Args:
            jobs: Processes; 1: this one alone.
            progress: Told how many performances are done.

        Raises:
            ModelError: a model cannot be opened, or fails.
        """
        tasks = [(name, number) for number in range(len(self.songs)) for name in ("", *self.players)]
        found: dict[tuple[str, int], Found] = {}
        if jobs == 1:
            for task in tasks:
                found[task] = self.one(*task)
                progress("performances", len(found), len(tasks))
        else:
            found = _spread(self, tasks, min(jobs, len(tasks)), progress)
        names = dict.fromkeys(name for task in tasks for name in found[task])
        by_song = [
            {name: its for player in ("", *self.players) for name, its in found[player, number].items()}
            for number in range(len(self.songs))
        ]
        return {name: [song[name] for song in by_song] for name in names}

    def one(self, player: str, song: int) -> Found:
        """One song by one player; by people where `player` is empty."""
        if not player:
            return people(self.songs[song])
        return {player: trial(self.players[player], self.songs[song], self.seeds)}


_contest: list[Contest] = []
"""In a process of the pool: what it works for."""


def _spread(
    contest: Contest, tasks: Sequence[tuple[str, int]], jobs: int, progress: Progress
) -> dict[tuple[str, int], Found]:
    spawn = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_begin, initargs=(contest,))
    found: dict[tuple[str, int], Found] = {}
    try:
        waiting: dict[Future[Found], tuple[str, int]] = {pool.submit(_one, *task): task for task in tasks}
        for done in as_completed(waiting):
            found[waiting[done]] = done.result()
            progress("performances", len(found), len(tasks))
    except BaseException:  # Ctrl-C as well: a song that is being played would hold us up for seconds
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()
    return found


def _begin(contest: Contest) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _contest.append(contest)


def _one(player: str, song: int) -> Found:
    return _contest[0].one(player, song)
