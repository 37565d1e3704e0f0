from __future__ import annotations

from typing import Any

from accompanist.console.music import Choice, Music
from accompanist.console.tasks import Task


class _Told:
    """Commands that are answered before they are asked."""

    def __init__(self, **answers: Task) -> None:
        self.started: list[str] = []
        self._answers = {key.replace("_", " "): task for key, task in answers.items()}

    def get(self, key: str) -> Task | None:
        return self._answers.get(key)

    def start(self, key: str, arguments: Any) -> Task:
        assert arguments[0] == "data"
        self.started.append(key)
        self._answers[key] = Task(key=key, said="3 of 5")
        return self._answers[key]


def _song(split: str, bars: int, **tags: str) -> dict[str, Any]:
    return {"name": "x", "split": split, "bars": bars, "tags": {"source": "hymns", **tags}}


SOURCES = Task(key="music", state="done", result=[{"name": "hymns"}, {"name": "ska"}])
HYMNS = Task(
    key="songs hymns",
    state="done",
    result={
        "songs": [
            _song("train", 16, mode="major", meter="4/4"),
            _song("train", 8, mode="minor", meter="3/4"),
            _song("test", 4, mode="major", meter="3/4"),
        ]
    },
)


def _music(told: _Told) -> Music:
    return Music(told)  # type: ignore[arg-type]


def test_a_choice_leaves_songs_and_bars() -> None:
    music = _music(_Told(music=SOURCES, songs_hymns=HYMNS))
    assert music.choice(["hymns"], []) == Choice(
        songs=3,
        bars=28,
        train_songs=2,
        train_bars=24,
        tags={"meter": {"3/4": 2, "4/4": 1}, "mode": {"major": 2, "minor": 1}},
    )


def test_a_tag_counts_what_the_other_tags_leave() -> None:
    found = _music(_Told(music=SOURCES, songs_hymns=HYMNS)).choice(["hymns", "hymns"], ["mode=major"])
    assert (found.songs, found.bars, found.train_bars) == (2, 20, 16)
    assert found.tags == {"meter": {"3/4": 1, "4/4": 1}, "mode": {"major": 2, "minor": 1}}


def test_a_source_that_was_not_read_is_read_now() -> None:
    told = _Told(music=SOURCES, songs_hymns=HYMNS)
    found = _music(told).choice(["hymns", "ska"], [])
    assert told.started == ["songs ska"]
    assert found.reading == {"ska": "3 of 5"}
    assert found.songs == 3


def test_a_source_that_cannot_be_read_is_told() -> None:
    failed = Task(key="songs ska", state="failed", said="no folder")
    assert _music(_Told(music=SOURCES, songs_ska=failed)).choice(["ska"], []).failed == {"ska": "no folder"}


def test_only_listed_sources_become_part_of_a_command() -> None:
    told = _Told(music=SOURCES)
    assert _music(told).choice(["--help", "../x", ""], ["=", "x", "a=b=c"]) == Choice()
    assert told.started == []


def test_the_list_is_asked_for_again_only_where_that_is_wanted() -> None:
    told = _Told(music=SOURCES)
    music = _music(told)
    assert music.sources().state == "done"
    assert told.started == []
    assert music.sources(again=True).state == "running"
    assert music.sources(again=True).state == "running"
    assert told.started == ["music"]
