"""The record as numbers: followed, cut back, kept, thinned."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.run_folders import add_epoch, add_steps, make_run

from accompanist.errors import DataError
from accompanist.runs import history as module
from accompanist.runs.history import CACHE, History
from accompanist.runs.thinning import thinned


def test_a_record_is_read_as_curves(tmp_path: Path) -> None:
    run = make_run(tmp_path, "0001-a")
    add_epoch(run, 0, 0, coupling=0.0)
    add_steps(run, 1, 3, critic=-10.0, generator=0.5)
    add_epoch(run, 1, 3, coupling=0.25, note_in_chord=0.5)
    add_steps(run, 4, 4, loss=7.0)  # a phase of its own
    found = History(run / "metrics.jsonl")
    assert found.losses == ("critic", "generator", "loss")
    assert found.metrics == ("coupling", "note_in_chord")
    critic = found.loss("critic")
    assert (critic.steps.tolist(), critic.values.tolist()) == ([1, 2, 3], [-9.0, -8.0, -7.0])
    assert critic.epochs.tolist() == [0.1, 0.2, 0.3]
    assert found.loss("loss").values.tolist() == [11.0]
    assert found.loss("nothing").steps.tolist() == []
    assert found.metric("coupling").values.tolist() == [0.0, 0.25]
    assert found.metric("note_in_chord").epochs.tolist() == [1.0]
    assert found.data == {"coupling": 1.0, "note_in_chord": 1.0}
    assert found.last_step == 4


def test_before_its_first_line_a_run_has_no_history(tmp_path: Path) -> None:
    found = History(make_run(tmp_path, "0001-a") / "metrics.jsonl")
    assert (found.losses, found.metrics, found.data, found.last_step) == ((), (), {}, 0)


def test_a_follower_reads_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path, "0001-a")
    add_steps(run, 1, 3, critic=0.0)
    found = History(run / "metrics.jsonl")
    taken: list[bytes] = []
    take = found._take
    monkeypatch.setattr(found, "_take", lambda lines: (taken.append(lines), take(lines)))
    add_steps(run, 4, 4, critic=0.0)
    assert found.update() is False
    assert [json.loads(lines)["step"] for lines in taken] == [4]
    assert found.loss("critic").steps.tolist() == [1, 2, 3, 4]


def test_a_line_that_is_being_written_is_left_for_the_next_look(tmp_path: Path) -> None:
    run = make_run(tmp_path, "0001-a")
    add_steps(run, 1, 2, critic=0.0)
    record = run / "metrics.jsonl"
    content = record.read_bytes()
    record.write_bytes(content[:-5])
    found = History(record)
    assert found.last_step == 1
    record.write_bytes(content)
    found.update()
    assert found.last_step == 2


def test_a_resumed_run_that_cut_its_record_back_is_read_anew(tmp_path: Path) -> None:
    run = make_run(tmp_path, "0001-a")
    record = run / "metrics.jsonl"
    add_steps(run, 1, 2, critic=0.0)
    kept = record.read_bytes()
    add_steps(run, 3, 9, critic=0.0)
    found = History(record)
    record.write_bytes(kept)
    add_steps(run, 3, 30, critic=100.0)  # longer than before, and not the same
    assert found.update() is True
    assert found.loss("critic").values.tolist() == [1.0, 2.0, *(100.0 + step for step in range(3, 31))]


def test_damage_is_told(tmp_path: Path) -> None:
    run = make_run(tmp_path, "0001-a")
    add_steps(run, 1, 1, critic=0.0)
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(b"\x00\x00garbage\n")
    with pytest.raises(DataError, match="is damaged between byte 0"):
        History(run / "metrics.jsonl")


class TestCache:
    @pytest.fixture
    def run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(module, "CACHE_AFTER_BYTES", 1000)
        run = make_run(tmp_path, "0001-a")
        add_epoch(run, 0, 0, coupling=0.5)
        add_steps(run, 1, 20, critic=0.0, generator=0.0)
        add_steps(run, 21, 30, loss=0.0)
        return run

    def test_a_long_record_is_kept_as_numbers(self, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first = History(run / "metrics.jsonl")
        assert (run / CACHE).is_file()
        add_steps(run, 31, 31, loss=0.0)
        read: list[bytes] = []
        take = History._take
        monkeypatch.setattr(History, "_take", lambda self, lines: (read.append(lines), take(self, lines)))
        again = History(run / "metrics.jsonl")
        assert len(read) == 1
        assert json.loads(read[0])["step"] == 31
        for name in first.losses:
            assert again.loss(name).values[: len(first.loss(name).values)].tolist() == first.loss(name).values.tolist()
        assert again.metric("coupling").values.tolist() == [0.5]
        assert again.last_step == 31

    @pytest.mark.parametrize("damage", ["garbage", "another", "empty"])
    def test_a_cache_that_is_not_ours_is_ignored(self, run: Path, damage: str) -> None:
        record = run / "metrics.jsonl"
        expected = History(record).loss("critic").values.tolist()
        if damage == "another":
            np.savez(run / CACHE, other=np.zeros(3))
        else:
            (run / CACHE).write_bytes(b"\x00garbage" if damage == "garbage" else b"")
        assert History(record).loss("critic").values.tolist() == expected

    def test_a_cache_of_a_record_that_was_cut_back_is_ignored(self, run: Path) -> None:
        record = run / "metrics.jsonl"
        History(record)
        record.write_bytes(b"")
        add_steps(run, 1, 60, critic=5.0)
        assert History(record).loss("critic").values.tolist() == [5.0 + step for step in range(1, 61)]

    def test_a_folder_that_cannot_be_written_is_read_all_the_same(
        self, run: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(module.tempfile, "mkstemp", refuse)
        assert History(run / "metrics.jsonl").last_step == 30
        assert not (run / CACHE).exists()


@given(st.lists(st.floats(allow_nan=True, allow_infinity=False, width=32), max_size=200), st.integers(4, 60))
def test_thinning_keeps_the_ends_and_the_spikes(values: list[float], most: int) -> None:
    curve = np.array(values, np.float64)
    chosen = thinned(curve, most)
    assert len(chosen) <= most
    assert (np.diff(chosen) > 0).all()
    if len(curve):
        assert {0, len(curve) - 1} <= set(chosen.tolist())
    numbers = curve[~np.isnan(curve)]
    if len(numbers):
        assert numbers.min() in curve[chosen]
        assert numbers.max() in curve[chosen]


def test_a_short_curve_is_not_thinned() -> None:
    assert thinned(np.arange(10.0), 10).tolist() == list(range(10))


def test_three_points_are_no_curve() -> None:
    with pytest.raises(ValueError, match="at least 4"):
        thinned(np.arange(10.0), 3)


def test_a_curve_is_thinned_on_request(tmp_path: Path) -> None:
    run = make_run(tmp_path, "0001-a")
    add_steps(run, 1, 500, critic=0.0)
    add_steps(run, 501, 501, critic=9999.0)
    add_steps(run, 502, 1000, critic=0.0)
    curve = History(run / "metrics.jsonl").loss("critic", most=50)
    assert len(curve.steps) <= 50
    assert curve.values.max() == 9999.0 + 501
    assert (curve.steps[0], curve.steps[-1]) == (1, 1000)
