from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.console import Console
from support.music_files import TrackText, groove_row, midi_bytes, pop909_grid, pop909_song, write_groove, write_pop909

from accompanist.cli import main
from training.progress import reading_shown


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """`accompanist data ...` with a home of its own that holds twenty songs in POP909's layout."""
    numbers = [f"{number:03}" for number in range(1, 21)]
    write_pop909(tmp_path, dict.fromkeys(numbers, pop909_song()) | {"003": b""}, dict.fromkeys(numbers, pop909_grid()))
    monkeypatch.setenv("ACCOMPANIST_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Outcome:
        with pytest.raises(SystemExit) as stop:
            main(["data", *arguments])
        captured = capsys.readouterr()
        return Outcome(int(stop.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with ten songs, two whose melody has no name, and a damaged file."""
    folder = tmp_path / "my ska"
    folder.mkdir()
    beats = range(0, 16 * 480, 480)
    for i in range(10):
        name = "" if i < 2 else "Lead"
        tune = TrackText(name, [(at, 72 + at // 480 % 3 + i, at + 480) for at in beats])
        bass = TrackText("Bass", [(at, 40, at + 480) for at in beats], 33, 1)
        (folder / f"{i}.mid").write_bytes(midi_bytes([tune, bass], tempos=((0, 160.0),)))
    (folder / "broken.mid").write_bytes(b"MThd")
    return folder


def test_the_list_says_where_and_what_is_missing(run: Callable[..., Outcome], tmp_path: Path) -> None:
    told = run("list")
    assert told.code == 0
    assert f"found    {tmp_path / 'pop909.zip'} (not read yet)" in told.out
    assert "missing  deepcomposer.zip was not found" in told.out
    rows = {row["name"]: row for row in json.loads(run("list", "--json").out)}
    assert rows["pop909"]["licence"] == "MIT"
    assert rows["deepcomposer"]["found"] is None
    assert "ACCOMPANIST_DATA" in rows["deepcomposer"]["hint"]
    assert "chorales" in rows


def test_show_counts_songs_windows_and_tags_and_names_what_is_left_out(run: Callable[..., Outcome]) -> None:
    told = run("show", "pop909")
    assert told.code == 0
    assert "pop909: 19 songs; licence: MIT" in told.out
    assert "tempo      slow 19" in told.out
    assert "pop909/003: not a MIDI file" in told.out
    report = json.loads(run("show", "pop909", "--json", "--songs").out)
    assert sum(split["songs"] for split in report["splits"].values()) == 19
    assert sum(split["windows"] for split in report["splits"].values()) == 19 * 3
    assert report["tags"]["meter"] == {"4/4": 19}
    assert [entry["name"] for entry in report["left_out"]] == ["pop909/003"]
    assert report["songs"][0]["tags"]["mode"] == "minor"
    assert "19 songs, 1 files left out" in run("list").out


def test_show_tells_of_songs_without_a_melody(run: Callable[..., Outcome], tmp_path: Path) -> None:
    drums = midi_bytes([TrackText("Drums", [(0, 36, 40)], 0, 9)])
    write_groove(tmp_path, [(groove_row("d/s/1"), drums), (groove_row("d/s/2", take="fill"), drums)])
    told = run("show", "groove").out
    assert "groove: 2 songs; licence: CC BY 4.0" in told
    assert "partial    2 songs lack the melody" in told
    assert "parts      drums 2" in told
    assert "take       beat 1, fill 1" in told
    assert "left out   0 files" in told
    report = json.loads(run("show", "groove", "--json", "--songs").out)
    assert report["partial"] == 2
    assert report["parts"] == {"drums": 2}
    assert [song["windows"] for song in report["songs"]] == [0, 0]


def test_show_filters_by_tag(run: Callable[..., Outcome]) -> None:
    assert "pop909: 0 songs" in run("show", "pop909", "--tag", "mode=major").out
    refused = run("show", "pop909", "--tag", "mood=sad")
    assert refused.code == 2
    assert "unknown key 'mood'; known keys: source, meter, mode, tempo, style" in refused.err
    assert run("show", "pop99").code == 2
    missing = run("show", "deepcomposer")
    assert missing.code == 5
    assert "try: get aws-deepcomposer-samples" in missing.err


def test_a_folder_is_added_shown_and_removed(run: Callable[..., Outcome], own: Path) -> None:
    told = run("add", str(own), "--tag", "style=ska")
    assert told.code == 0
    assert "added my-ska: 10 songs, 1 files left out" in told.out
    assert "melody   Lead (by name): 8 songs" in told.out
    assert "melody   unnamed (program 1) (highest single line): 2 songs" in told.out
    assert "left out broken.mid: damaged MIDI file" in told.out
    shown = run("show", "my-ska", "--songs").out
    assert "style      ska 10" in shown
    assert "melody=Lead (by name)" in shown
    assert "your folder of MIDI files (style=ska)" in run("list").out
    assert run("remove", "my-ska").code == 0
    assert "my-ska" not in run("list").out
    again = run("remove", "my-ska")
    assert again.code == 2
    assert "there are: none" in again.err
    assert len(list(own.iterdir())) == 11


def test_adding_again_replaces_the_settings(run: Callable[..., Outcome], own: Path) -> None:
    run("add", str(own), "--name", "ska")
    report = json.loads(run("add", str(own), "--name", "ska", "--melody-track", "lead", "--json").out)
    assert report["songs"] == 8
    assert report["melody"] == {"Lead (as asked)": 8}
    assert len(report["left_out"]) == 3
    assert len([row for row in json.loads(run("list", "--json").out) if row["name"] == "ska"]) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["gone"], 5, "is not there"),
        (["."], 2, "'pop909' is the name of a built-in source"),
        (["my ska", "--name", "../x"], 2, "cannot be a source's name"),
        (["my ska", "--tag", "meter=4/4"], 2, "cannot be given to a folder"),
        (["my ska", "--tag", "style"], 2, "KEY=VALUE"),
        (["my ska", "--melody-track", "Oboe"], 5, "no track named 'Oboe' among its tracks"),
    ],
)
def test_what_cannot_be_added_is_refused_and_not_kept(
    run: Callable[..., Outcome], own: Path, arguments: list[str], code: int, message: str
) -> None:
    assert own.is_dir()
    before = run("list", "--json").out
    if arguments == ["."]:
        arguments = [str(own), "--name", "pop909"]
    refused = run("add", *arguments)
    assert refused.code == code
    assert message in refused.err
    assert "Traceback" not in refused.err
    assert run("list", "--json").out == before


def test_what_is_played_freely_is_not_told_to_name_its_melody(run: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "free").mkdir()
    tracks = [TrackText(name, [(at + 40, 60, at + 400) for at in range(0, 7680, 480)]) for name in ("Lead", "Piano")]
    (tmp_path / "free/song.mid").write_bytes(midi_bytes(tracks))
    refused = run("add", "free")
    assert refused.code == 5
    assert "not played to its grid of sixteenths" in refused.err
    assert "--melody-track" not in refused.err
    assert "as a DAW exports it" in refused.err


def test_progress_is_shown_after_two_seconds_only() -> None:
    now_s = [100.0]
    console = Console(record=True, force_terminal=False, width=80, quiet=False)
    with reading_shown(lambda: now_s[0], console=console) as progress:
        for done in range(25):
            progress("songs", done, 25)
            now_s[0] += 1.0
    said = console.export_text().splitlines()
    assert said == ["reading songs: 2 of 25", "reading songs: 12 of 25", "reading songs: 22 of 25"]


def test_a_terminal_gets_a_bar_that_is_cleared() -> None:
    now_s = [0.0]
    console = Console(record=True, force_terminal=True, width=80)
    with reading_shown(lambda: now_s[0], console=console) as progress:
        progress("songs", 0, 9)
        quiet = console.export_text(clear=False)
        now_s[0] = 5.0
        progress("songs", 4, 9)
    assert quiet == ""
    assert "reading songs" in console.export_text()
