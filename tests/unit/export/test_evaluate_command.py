from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from support.music_files import write_tunes

from accompanist.cli import main

pytest.importorskip("symusic", reason="needs the train extra: pip install -e '.[train]'")


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """`accompanist ...` with a home of its own, and a source `tunes` of thirty songs of twelve bars."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    folder = write_tunes(tmp_path / "tunes")

    def call(*arguments: str) -> Outcome:
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        captured = capsys.readouterr()
        return Outcome(int(stop.value.code or 0), captured.out, captured.err)

    assert call("data", "add", str(folder)).code == 0
    return call


def test_json_has_every_figure_of_every_contestant(run: Callable[..., Outcome], tiny_model: Path) -> None:
    told = run(
        "evaluate", "--model", str(tiny_model), "--data", "tunes", "--songs", "2", "--jobs", "1", "--json",
        "--split", "train", "--against", str(tiny_model),
    )  # fmt: skip
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert (found["songs"], found["seeds"], found["split"], found["data"]) == (2, 2, "train", ["tunes"])
    players = ["model", str(tiny_model), "chord HMM"]
    expected = [f"{name}, {mode}" for name in players for mode in ("live", "file")]
    assert list(found["contestants"]) == [*expected, "people", "people, a bar late", "people, transposed"]
    live = found["contestants"]["model, live"]
    assert set(live["note_in_chord"]) == {"mean", "low", "high", "songs"}
    assert live["note_in_chord"]["low"] <= live["note_in_chord"]["mean"] <= live["note_in_chord"]["high"]
    assert live["chord_tones"]["mean"] is None  # nobody wrote chords down
    assert live["diversity_onsets"]["mean"] == 0.0  # noise moves nothing of this model
    assert found["contestants"]["model, file"]["note_in_chord"]["mean"] == 1.0


def test_a_table_for_people_and_markdown_for_the_card(
    run: Callable[..., Outcome], tiny_model: Path, tmp_path: Path
) -> None:
    arguments = ("--model", str(tiny_model), "--data", "tunes", "--songs", "1", "--jobs", "1", "--seeds", "1")
    told = run("evaluate", *arguments, "--split", "train", "-o", "figures.md")
    assert told.code == 0, told.err
    assert "songs: 1 of tunes, train split; means" in told.out
    assert "note_in_chord" in told.out
    written = (tmp_path / "figures.md").read_text()
    assert written.startswith(f"# Figures of {tiny_model.name}\n\nSongs: 1 (48 beats) of tunes, train split. Seeds: 1.")
    assert "| `note_in_chord` |" in written


def test_what_is_no_model_is_told_before_anything_is_read(run: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_text("no model")
    assert run("evaluate", "--model", "no.onnx", "--data", "tunes").code == 4
    assert run("evaluate", "--model", "missing.onnx", "--data", "nowhere").code == 4


def test_an_unknown_source_is_told(run: Callable[..., Outcome], tiny_model: Path) -> None:
    told = run("evaluate", "--model", str(tiny_model), "--data", "tuns")
    assert told.code == 2
    assert "no source is called 'tuns'" in told.err
