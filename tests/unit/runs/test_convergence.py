"""When a run is said to get nowhere any more: on curves whose answer is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accompanist.runs import History
from accompanist.runs.convergence import convergence_of, last_improvement, level_since


def noise(count: int, size: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, size, count)


def test_a_curve_that_falls_improves_to_its_end() -> None:
    assert last_improvement(np.linspace(1.0, 0.0, 30)) == 29


def test_a_curve_that_rises_never_improves() -> None:
    assert last_improvement(np.linspace(0.0, 1.0, 30)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_trembling_is_no_improvement(seed: int) -> None:
    falls_then_rests = np.concatenate([np.linspace(1.0, 0.2, 12), np.full(28, 0.2)]) + noise(40, 0.01, seed)
    assert 9 <= last_improvement(falls_then_rests) <= 20


def test_one_lucky_epoch_is_smoothed_away() -> None:
    values = np.array([1.0, 0.8, 0.6, 0.5, 0.5, 0.5, 0.1, 0.5, 0.5, 0.5, 0.5, 0.5])
    assert last_improvement(values) == 3


@given(values=st.lists(st.integers(0, 100).map(float), min_size=1, max_size=40), times=st.integers(1, 9))
def test_the_unit_does_not_count(values: list[float], times: int) -> None:
    curve = np.array(values)
    assert last_improvement(curve) == last_improvement(curve * times + 1000 * times)


def test_a_line_is_never_level() -> None:
    assert level_since(np.linspace(1.0, 0.0, 40)) is None
    assert level_since(np.linspace(0.0, 1.0, 40)) is None  # a critic that still learns


def test_what_has_decayed_is_level() -> None:
    since = level_since(np.exp(-np.arange(40) / 5))
    assert since is not None
    assert 12 <= since <= 20


@pytest.mark.parametrize("seed", range(5))
def test_what_only_trembles_is_level(seed: int) -> None:
    assert level_since(5.0 + noise(40, 1.0, seed)) is not None


def test_a_loss_that_rises_again_is_level_where_it_rests() -> None:
    falls, rises, rests = np.linspace(-32, -6, 10), np.linspace(-6, -9, 10), np.full(20, -9.0)
    assert level_since(np.concatenate([falls, rises, rests])) == 17  # a twentieth of its height before


def recorded(folder: Path, losses: dict[str, np.ndarray], index: np.ndarray) -> History:
    """A record: as many steps an epoch as there are for the epochs sampled; losses one phase after the other."""
    path = folder / "metrics.jsonl"
    steps = [{name: value} for name, values in losses.items() for value in values]
    per_epoch = max(len(steps) // max(len(index) - 1, 1), 1)
    lines = [{"kind": "step", "step": i, "epoch": i / per_epoch, **loss} for i, loss in enumerate(steps, start=1)]
    lines += [
        {
            "kind": "epoch", "step": at * per_epoch, "epoch": at,
            "metrics": {"similarity_index": value}, "data": {"similarity_index": 0.01}, "distances": {},
        }
        for at, value in enumerate(index)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return History(path)


RESTS = np.concatenate([np.linspace(0.9, 0.3, 10), np.full(20, 0.3)])
DECAY = -2.0 - 8 * np.exp(-np.arange(1450) / 100)


def test_a_plateau_and_its_sentence(tmp_path: Path) -> None:
    critic = DECAY.copy()
    critic[1250] = -14.5
    found = convergence_of(recorded(tmp_path, {"critic": critic}, RESTS))
    assert found.plateau
    assert found.similarity is not None
    assert (found.similarity.since, found.similarity.best) == (9.0, pytest.approx(0.3))
    assert found.sentence == (
        "No longer improving since epoch 9: the similarity index was 0.300 then and is 0.300 now; "
        "the critic's loss is level since epoch 9.44, spikes down to -14.5."
    )


def test_both_must_rest(tmp_path: Path) -> None:
    moving = convergence_of(recorded(tmp_path, {"critic": np.linspace(-9, -2, 1450)}, RESTS))
    assert not moving.plateau
    assert moving.sentence.endswith("the critic's loss still moves.")
    better = convergence_of(recorded(tmp_path, {"critic": DECAY}, np.linspace(0.9, 0.1, 30)))
    assert not better.plateau
    assert "Still improving: the similarity index was at its best at epoch 29, 0.100" in better.sentence


def test_a_phase_is_judged_by_its_own_loss(tmp_path: Path) -> None:
    history = recorded(tmp_path, {"loss": DECAY, "follow": np.zeros(0)}, RESTS)
    assert convergence_of(history).plateau
    path = tmp_path / "metrics.jsonl"
    with path.open("a") as file:
        for i, value in enumerate(np.linspace(3.0, 1.0, 1000)):
            line = {"kind": "step", "step": 1451 + i, "epoch": 29 + i / 50, "loss": value, "follow": 0.1}
            file.write(json.dumps(line) + "\n")
    history.update()
    assert history.phase_began == 1451
    assert "the loss still moves" in convergence_of(history).sentence


def plateau_at(curve: dict[str, list[float]], folder: Path) -> int | None:
    """The epoch after which `--stop plateau` ends a run that was recorded, asked at each as training does."""
    folder.mkdir()
    path, done = folder / "metrics.jsonl", 0
    history = History(path)
    for epoch, (step, index) in enumerate(zip(curve["sampled_at"], curve["similarity_index"], strict=True)):
        lines: list[dict[str, Any]] = [
            {"kind": "step", "step": at + 1, "epoch": at / max(step, 1) * epoch, "critic": curve["critic"][at]}
            for at in range(done, int(step))
        ]
        done = int(step)
        metrics = {"similarity_index": index}
        lines.append({"kind": "epoch", "step": step, "epoch": epoch, "metrics": metrics, "data": {}, "distances": {}})
        with path.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        history.update()
        if convergence_of(history).plateau:
            return epoch
    return None


def test_real_runs_end_where_nothing_improves_and_not_before(tmp_path: Path) -> None:
    """Two trainings of the classic recipe on chorales, as they were recorded (width 8 and 4).

    The first one is silent for its first epochs, farther from the data than the noise it began with. The second one is
    at its best from epoch 12 on (0.19); in the five epochs after its end it came to 0.21 to 0.30.
    """
    curves = json.loads(Path(__file__).with_name("real_curves.json").read_text())
    assert plateau_at(curves["silent first"], tmp_path / "first") is None
    assert plateau_at(curves["until level"], tmp_path / "second") == 23


def test_too_little_is_too_early(tmp_path: Path) -> None:
    found = convergence_of(recorded(tmp_path, {"loss": np.ones(10)}, np.array([0.8, 0.7])))
    assert not found.plateau
    assert found.sentence == (
        "Too early to tell by the similarity index, 0.700 now: 2 sampled so far; too few steps to tell by the loss."
    )
    assert convergence_of(History(tmp_path / "none.jsonl")).sentence == "Nothing is recorded yet."
