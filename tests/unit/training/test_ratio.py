"""The adaptive ratio of critic and generator updates."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

from support.runs import TINY, begin, lines, train  # noqa: E402

from training import ratio  # noqa: E402
from training.ratio import Balance  # noqa: E402


def test_whoever_changes_faster_is_taught() -> None:
    balance = Balance(4)
    assert balance.updates == 4
    balance.tell(-10.0, 1.0)
    assert balance.updates == 4  # nothing to compare with yet
    balance.tell(-10.1, 2.0)  # the critic stands still, the generator moves
    assert balance.updates == 3
    balance.tell(-20.0, 2.1)
    assert balance.updates == 4
    balance.tell(-40.0, 2.1)
    assert balance.updates == 4  # never above the most
    for number in range(6):
        balance.tell(-40.0, 2.2 + number)
    assert balance.updates == 1  # never below one


def test_it_survives_a_checkpoint() -> None:
    one, other = Balance(4), Balance(4)
    other.restore(one.tensors())
    assert other.updates == 4
    for losses in ((1.0, 1.0), (1.0, 2.0), (0.0, 2.0)):
        one.tell(*losses)
    other.restore(one.tensors())
    for losses in ((1.0, 2.0), (5.0, 2.0), (5.0, 3.0)):
        one.tell(*losses)
        other.tell(*losses)
        assert one.updates == other.updates


def test_a_run_with_an_adaptive_ratio_is_resumed_to_the_last_digit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratio, "_change", lambda _before, _now: 0.0)  # the critic never changes faster
    config = msgspec.structs.replace(TINY, ratio="adaptive", critic_updates=3, epochs=4, critic_learning_rate=0.01)
    whole, pieces = begin(tmp_path / "whole", config), begin(tmp_path / "pieces", config)
    train(whole)
    for stop in (1, 3):
        train(pieces, stop_after=stop)
    train(pieces)
    assert pieces.record.read_bytes() == whole.record.read_bytes()
    assert [line["critic_updates"] for line in lines(whole, "step")] == [3, 3, 2, 1]
    assert {line["critic_rate"] for line in lines(whole, "step")} == {0.01}
    assert {line["generator_rate"] for line in lines(whole, "step")} == {0.001}
