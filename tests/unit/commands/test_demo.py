from __future__ import annotations

import json
import sys
import wave
from pathlib import Path

import pytest
from PIL import Image

from accompanist.cli import main
from accompanist.melodies import MELODIES
from accompanist.music import midifile


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["demo", *map(str, arguments)])
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither FluidSynth's program nor its library is found, so the built-in synthesiser plays."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "fluidsynth", None)


@pytest.mark.parametrize("name", MELODIES)
def test_three_files_are_left_and_told_of(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = tmp_path / "made" / "for it"
    assert run("--out-dir", folder, "--model", tiny_model, "--melody", name) == 0
    told = capsys.readouterr().out
    melody = MELODIES[name]
    song = midifile.read(folder / "demo.mid")
    assert [(track.name, track.program) for track in song.tracks] == [
        ("melody", 73), ("bass", 33), ("piano", 0), ("strings", 48),
    ]  # fmt: skip
    assert song.tracks[0].notes == tuple(melody.notes(repeats=2))
    for track in song.tracks:
        assert f"{track.name} {len(track.notes)}" in told
        assert track.notes
    with wave.open(str(folder / "demo.wav")) as sound:
        music_s = song.tempo.s_at(song.tracks[0].notes[-1].end_tick)
        assert sound.getnframes() / sound.getframerate() == pytest.approx(music_s + 1.5, abs=0.01)
    with Image.open(folder / "demo.png") as picture:
        assert picture.width > 1000
    assert f"{2 * melody.bars} bars, the band joins in after 2" in told
    assert "ms median" in told
    assert "the built-in synthesiser" in told
    assert "on cpu" in told
    for kind in ("mid", "wav", "png"):
        assert str(folder / f"demo.{kind}") in told


def test_with_a_model_that_anticipates_the_band_joins_in_after_a_bar(
    tmp_path: Path, live_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--out-dir", tmp_path, "--model", live_model) == 0
    assert "the band joins in after 1." in capsys.readouterr().out
    song = midifile.read(tmp_path / "demo.mid")
    bass, drums = (next(track for track in song.tracks if track.name == name) for name in ("bass", "drums"))
    assert bass.notes[0].start_tick == drums.notes[0].start_tick == 4 * song.ppq
    assert drums.channel == 9


def test_the_same_seed_and_tempo_give_the_same_file(tmp_path: Path, tiny_model: Path) -> None:
    for take in ("a", "b"):
        assert run("--out-dir", tmp_path / take, "--model", tiny_model, "--bpm", 90, "--seed", 4) == 0
    assert (tmp_path / "a" / "demo.mid").read_bytes() == (tmp_path / "b" / "demo.mid").read_bytes()
    assert midifile.read(tmp_path / "a" / "demo.mid").tempo.changes == ((0, 666_667),)


def test_json(tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--out-dir", tmp_path, "--model", tiny_model, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bars"] == 32
    assert told["provider"] == "cpu"
    assert told["inference_ms"]["median"] <= told["inference_ms"]["max"]
    assert all(Path(path).is_file() for path in told["files"].values())


def test_a_folder_that_cannot_be_written_is_told_before_the_work(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file")
    assert run("--out-dir", tmp_path / "taken" / "here", "--model", tiny_model) == 9
    printed = capsys.readouterr().err
    assert printed.startswith("error: cannot write to the folder")
    assert "--out-dir" in printed


@pytest.mark.parametrize("bpm", ["nan", "inf", "29"])
def test_a_tempo_nobody_plays_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], bpm: str) -> None:
    assert run("--out-dir", tmp_path, "--bpm", bpm) == 2
    assert "accepted: number, >= 30, <= 300" in capsys.readouterr().err


def test_the_shipped_model_plays_with_every_track(tmp_path: Path) -> None:
    assert run("--out-dir", tmp_path) == 0
    assert all(track.notes for track in midifile.read(tmp_path / "demo.mid").tracks)
