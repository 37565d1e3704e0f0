"""Blocks of lines as columns: whatever stands in them, however they are cut, a line-by-line reader finds the same."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.runs.lines import Lines

NUMBER = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
PHASES = [("critic", "generator"), ("loss",), ("loss", "drums.loss")]


def step(names: tuple[str, ...], numbers: list[float]) -> dict[str, Any]:
    place, losses = numbers[:2], numbers[2:]
    return {"kind": "step", "step": place[0], "epoch": place[1], **dict(zip(names, losses, strict=False))}


LINE = st.one_of(
    st.builds(step, st.sampled_from(PHASES), st.lists(NUMBER, min_size=4, max_size=4)),
    st.builds(
        lambda value: {"kind": "epoch", "step": 7, "epoch": 1, "metrics": {"coupling": value}, "data": {}}, NUMBER
    ),
    st.just({"kind": "speed", "step": 7, "trained_s": 1.5, "steps_per_s": 2.0}),
    st.just({"kind": "of a later version", "what": [1, None]}),
)


@given(lines=st.lists(LINE, max_size=40), ends=st.sets(st.integers(1, 39)))
def test_blocks_hold_what_their_lines_say(lines: list[dict[str, Any]], ends: set[int]) -> None:
    reader = Lines()
    found: dict[tuple[str, ...], list[list[float]]] = {}
    epochs: list[dict[str, Any]] = []
    cuts = [0, *sorted(end for end in ends if end < len(lines)), len(lines)]
    for begin, end in pairwise(cuts):
        block = reader.columns("".join(json.dumps(line) + "\n" for line in lines[begin:end]).encode())
        for names, columns in block.phases.items():
            found.setdefault(names, []).extend(columns.T.tolist())
        epochs += block.epochs
    expected: dict[tuple[str, ...], list[list[float]]] = {}
    for line in lines:
        if line["kind"] == "step":
            names = tuple(line)[3:]
            expected.setdefault(names, []).append([float(line[name]) for name in ("step", "epoch", *names)])
    assert found == expected
    assert epochs == [line for line in lines if line["kind"] == "epoch"]


def test_lines_alike_are_not_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Lines()
    rows = [step(("critic", "drums.loss"), [i, i / 10, -i, 2 * i]) for i in range(1, 9)]
    rows.insert(6, {"kind": "epoch", "step": 6, "epoch": 1, "metrics": {}, "data": {}})
    first, rest = ("".join(json.dumps(row) + "\n" for row in part).encode() for part in (rows[:3], rows[3:]))
    reader.columns(first)
    monkeypatch.setattr(reader, "_each", lambda _: pytest.fail("read one by one"))
    block = reader.columns(rest)
    assert block.phases[("critic", "drums.loss")][2].tolist() == [-4.0, -5.0, -6.0, -7.0, -8.0]
    assert [line["step"] for line in block.epochs] == [6]


@pytest.mark.parametrize(
    "rest", [b"\x00\n", b'{"kind": "step", "step": 2}\n{"kind": "step"\n', b"[1]\n", b'{"a": 1}\n']
)
def test_damage_is_no_line(rest: bytes) -> None:
    reader = Lines()
    good = json.dumps(step(("loss",), [1, 0.1, 5.0])).encode() + b"\n"
    for _ in range(2):  # before and after the names are known
        with pytest.raises((msgspec.DecodeError, KeyError, TypeError, ValueError)):
            reader.columns(good + rest)
        assert np.array_equal(reader.columns(good).phases[("loss",)], [[1.0], [0.1], [5.0]])
