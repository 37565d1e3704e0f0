"""Files in, accompanied files out: one, or a folder of them in several processes.

A damaged file is reported with its reason, and the others go on. What is written for a file depends on nothing but that
file, the model and the settings, however many processes share the work.
"""

from __future__ import annotations

import signal
import statistics
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from accompanist.config import EngineConfig
from accompanist.errors import AccompanistError, DataError, StorageError
from accompanist.music import midifile
from accompanist.runtime.arrange import AS_TRAINED, Mode, Wish, arrange
from accompanist.runtime.infer import Session

MIDI_SUFFIXES = (".mid", ".midi", ".smf")


class Request(NamedTuple):
    """What is wanted for every file.

    Args:
        model: The model file.
        settings: The engine's.
        mode: "live" or "file".
        melody_name: Track to take as the melody; None: the most likely one.
        wish: What the band is asked for.
    """

    model: Path
    settings: EngineConfig
    mode: Mode
    melody_name: str | None
    wish: Wish = AS_TRAINED


class Outcome(NamedTuple):
    """What became of a file.

    Args:
        source: The file read.
        target: The file written.
        melody_name: Track that was taken as the melody.
        bars: Length.
        notes: How many, by track of the accompaniment.
        inference_ms: Median of the model's answers.
        error: Why nothing was written; None where all went well.
    """

    source: Path
    target: Path
    melody_name: str = ""
    bars: int = 0
    notes: dict[str, int] = {}  # noqa: RUF012 (never changed: a named tuple's default)
    inference_ms: float = 0.0
    error: AccompanistError | None = None


def accompany_file(session: Session, source: Path, target: Path, request: Request) -> Outcome:
    """Read a MIDI file, accompany its melody, write the result.

    Raises:
        DataError: the file is damaged, or has no melody.
        StorageError: the result cannot be written.
    """
    song = midifile.read(source)
    try:
        made = arrange(
            session, song, request.settings, mode=request.mode, melody_name=request.melody_name, wish=request.wish
        )
    except DataError as error:
        raise DataError(f"{source}: {error.message}", hint=error.hint) from error
    try:
        midifile.write(made.song, target)
    except ValueError as error:  # a tempo change days after the last note, and the like
        raise DataError(f"{source}: its accompaniment fits in no MIDI file: {error}") from error
    return Outcome(
        source,
        target,
        made.melody_name,
        made.bars,
        {track.name: len(track.notes) for track in made.song.tracks[1:]},
        1000 * statistics.median(made.performance.inference_s or [0.0]),
    )


def pairs_of(source: Path, target: Path) -> list[tuple[Path, Path]]:
    """What to read and where to write: a file with its target, or every MIDI file of a folder with its own.

    Raises:
        DataError: there is no such file or folder, or no MIDI file in it.
        StorageError: a target is a source, or a file where a folder is needed.
    """
    if not source.exists():
        raise DataError(f"{source}: there is no such file or folder", hint="give a MIDI file or a folder of them")
    if source.resolve() == target.resolve():
        raise StorageError(f"{target} is the input itself, which is never overwritten", hint="name another with -o")
    if not source.is_dir():
        return _apart([(source, target / source.name if target.is_dir() else target)])
    if target.is_file():
        raise StorageError(f"{target} is a file, and {source} is a folder", hint="name a folder with -o")
    results = target.resolve()
    inside = source.resolve() in results.parents  # what was written there before is no input
    found = sorted(
        file
        for file in source.rglob("*")
        if file.suffix.lower() in MIDI_SUFFIXES
        and file.is_file()
        and not (inside and results in file.resolve().parents)
    )
    if not found:
        raise DataError(f"{source} holds no MIDI file ({', '.join(MIDI_SUFFIXES)})", hint="name another folder")
    return _apart([(file, target / file.relative_to(source)) for file in found])


def _apart(pairs: list[tuple[Path, Path]]) -> list[tuple[Path, Path]]:
    """The same pairs, if no target is anybody's source."""
    sources = {source.resolve() for source, _ in pairs}
    for _, target in pairs:
        if target.resolve() in sources:
            raise StorageError(f"{target} is an input, and those are never overwritten", hint="name another with -o")
    return pairs


def accompany_all(pairs: Sequence[tuple[Path, Path]], request: Request, *, jobs: int) -> Iterator[Outcome]:
    """Accompany many files, in the order given; a file that fails yields its error.

    Args:
        pairs: Sources and targets; the targets' folders are made.
        request: What is wanted.
        jobs: Processes at once.

    Raises:
        ModelError: the model cannot be loaded.
        AccompanistError: a process died.
    """
    jobs = min(jobs, len(pairs))
    if jobs <= 1:
        session = Session(request.model)
        for source, target in pairs:
            yield _outcome(session, source, target, request)
        return
    # Spawned, not forked: onnxruntime's threads do not survive a fork.
    with ProcessPoolExecutor(jobs, get_context("spawn"), _begin_worker, (request,)) as pool:
        try:
            yield from pool.map(_work, *zip(*pairs, strict=True))
        except BrokenProcessPool as error:
            raise AccompanistError(
                f"a process that shared the work ended by itself, perhaps out of memory; {jobs} were at work",
                hint="try again with --jobs 1",
            ) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


_worker: tuple[Session, Request] | None = None
"""Of a worker process: its model, loaded once, and what is wanted."""


def _begin_worker(request: Request) -> None:
    global _worker  # noqa: PLW0603 (a worker process has no other place to keep what it loads once)
    # Ctrl-C reaches every process of the terminal: the parent alone answers, workers finish the file at hand.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker = Session(request.model), request


def _work(source: Path, target: Path) -> Outcome:
    if _worker is None:
        raise RuntimeError("the worker process was not begun")
    session, request = _worker
    return _outcome(session, source, target, request)


def _outcome(session: Session, source: Path, target: Path, request: Request) -> Outcome:
    try:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"{target.parent}: the folder cannot be made: {error.strerror}", hint="name another with -o"
            ) from error
        return accompany_file(session, source, target, request)
    except AccompanistError as error:
        return Outcome(source, target, error=error)
