"""The music there is to train on: sources, their songs, and what a choice of sources and tags leaves.

Reading music is training's business and needs its packages; so it is asked for by command, once per source, and kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from accompanist.console.tasks import Task, Tasks

TAGS = ("meter", "mode", "tempo", "style", "key")
"""Shown first, in this order; others follow."""
LIST = "music"
_HIDDEN = frozenset({"source", "melody"})
"""Tags that are no musical choice: the sources are chosen above them."""


class Choice(msgspec.Struct, kw_only=True):
    """What a choice of music leaves.

    Args:
        songs: How many.
        bars: In all of them.
        train_songs: How many of them are trained on; the others are held out to measure.
        train_bars: In these.
        tags: By tag, how many songs of the chosen sources have each value and all other chosen tags.
        reading: Sources that are still being read, with what their reading last said.
        failed: Sources that cannot be read, with why.
    """

    songs: int = 0
    bars: int = 0
    train_songs: int = 0
    train_bars: int = 0
    tags: dict[str, dict[str, int]] = {}
    reading: dict[str, str] = {}
    failed: dict[str, str] = {}


class Music:
    """The music, as the commands `accompanist data` tell it.

    Args:
        tasks: Runs them.
    """

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks

    def sources(self, *, again: bool = False) -> Task:
        """The list of sources, or the command that makes it.

        Args:
            again: Ask anew: a folder may have been added.
        """
        task = self._tasks.get(LIST)
        if task is None or task.state == "failed" or (again and task.state == "done"):
            task = self._tasks.start(LIST, ["data", "list", "--json"])
        return task

    def known(self) -> dict[str, dict[str, Any]]:
        """The sources by name, as far as they are listed."""
        task = self._tasks.get(LIST)
        return {row["name"]: row for row in task.result} if task and task.result else {}

    def choice(self, sources: Sequence[str], tags: Sequence[str]) -> Choice:
        """What a choice leaves; what has to be read for that is begun.

        Args:
            sources: By name; ones that are not listed are left out.
            tags: Such as "mode=major".
        """
        wanted = dict(tag.split("=", 1) for tag in tags if "=" in tag)
        found, songs = Choice(), []
        for source in dict.fromkeys(sources):
            if source not in self.known():
                continue
            task = self._tasks.get(f"songs {source}") or self._begin(source)
            if task.state == "running":
                found.reading[source] = task.said
            elif task.state == "failed":
                found.failed[source] = task.said
            else:
                songs += task.result["songs"]
        left = [song for song in songs if _has(song, wanted)]
        trained = [song for song in left if song["split"] == "train"]
        found.songs, found.bars = len(left), sum(song["bars"] for song in left)
        found.train_songs, found.train_bars = len(trained), sum(song["bars"] for song in trained)
        found.tags = _counts(songs, wanted)
        return found

    def _begin(self, source: str) -> Task:
        return self._tasks.start(f"songs {source}", ["data", "show", source, "--songs", "--json"])


def _has(song: dict[str, Any], wanted: dict[str, str]) -> bool:
    return all(song["tags"].get(key) == value for key, value in wanted.items())


def _counts(songs: Sequence[dict[str, Any]], wanted: dict[str, str]) -> dict[str, dict[str, int]]:
    names = {name for song in songs for name in song["tags"]} - _HIDDEN
    ordered = [*(name for name in TAGS if name in names), *sorted(names.difference(TAGS))]
    found = {}
    for name in ordered:
        others = {key: value for key, value in wanted.items() if key != name}
        counted = Counter(song["tags"][name] for song in songs if name in song["tags"] and _has(song, others))
        found[name] = dict(sorted(counted.items()))
    return found
