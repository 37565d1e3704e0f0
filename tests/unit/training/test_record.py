"""The record: what is appended, what a crash leaves, what a resumed run takes back."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

from accompanist.errors import StorageError, TrainingError
from accompanist.runs import History
from training import plot, record
from training.record import Record

LOSSES = [{"critic": -1.5, "generator": 0.25}, {"critic": -2.5, "generator": 0.5}]


def test_steps_and_epochs_are_lines(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with Record(path) as file:
        file.steps(1, [0.5, 1.0], LOSSES)
        file.epoch(2, 1, {"coupling": 0.25}, {"coupling": 0.5}, {"coupling": 0.125})
        file.speed(2, 12.5, 0.16)
        assert file.sync() == path.stat().st_size
    assert list(record.read(path)) == [
        {"kind": "step", "step": 1, "epoch": 0.5, **LOSSES[0]},
        {"kind": "step", "step": 2, "epoch": 1.0, **LOSSES[1]},
        {
            "kind": "epoch", "step": 2, "epoch": 1,
            "metrics": {"coupling": 0.25}, "data": {"coupling": 0.5}, "distances": {"coupling": 0.125},
        },
        {"kind": "speed", "step": 2, "trained_s": 12.5, "steps_per_s": 0.16},
    ]  # fmt: skip


def test_losses_keep_every_digit(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    exact = {"a": 0.1, "b": 1 / 3, "c": 1e-300, "d": -2.2250738585072014e-308, "e": 123456789.123456789}
    with Record(path) as file:
        file.steps(1, [1.0], [exact])
    (line,) = record.read(path)
    assert {name: line[name] for name in exact} == exact


def test_opening_takes_back_what_lies_behind_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with Record(path) as file:
        file.steps(1, [0.5], LOSSES[:1])
        kept = file.sync()
        file.steps(2, [1.0], LOSSES[1:])
    with Record(path, kept) as file:
        file.epoch(1, 1, {}, {}, {})
    assert [line["kind"] for line in record.read(path)] == ["step", "epoch"]


def test_a_line_cut_short_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with Record(path) as file:
        file.steps(1, [0.5, 1.0], LOSSES)
    path.write_bytes(path.read_bytes()[:-5])
    assert [line["step"] for line in record.read(path)] == [1]


def test_a_shortened_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"short\n")
    with pytest.raises(TrainingError, match="at least 1000 bytes"):
        Record(path, 1000)
    assert path.read_bytes() == b"short\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such lock")
def test_only_one_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with Record(path) as file:
        file.steps(1, [0.5], LOSSES[:1])
        with pytest.raises(TrainingError, match="another process"):
            Record(path)
        assert len(list(record.read(path))) == 1
    Record(path).__exit__(None, None, None)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    with Record(tmp_path / "metrics.jsonl") as file, Path("/dev/full").open("wb") as full:
        os.dup2(full.fileno(), file._file.fileno())
        with pytest.raises(StorageError, match="the disk is full") as told:
            file.steps(1, [0.5], LOSSES[:1])
    assert isinstance(told.value.__cause__, OSError)
    assert told.value.__cause__.errno == errno.ENOSPC


def test_the_picture_shows_any_record(tmp_path: Path) -> None:
    path, picture = tmp_path / "metrics.jsonl", tmp_path / "losses.png"
    metrics = {"note_in_chord": 0.5, "note_in_chord_chance": 0.25}
    with Record(path) as file:
        file.epoch(0, 0, metrics, metrics, {})
        plot.draw(History(path), picture)  # nothing but epoch 0
        before = picture.read_bytes()
        file.steps(1, [0.5, 1.0], LOSSES)
        file.epoch(2, 1, metrics, metrics, {})
    plot.draw(History(path), picture)
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.read_bytes() != before
