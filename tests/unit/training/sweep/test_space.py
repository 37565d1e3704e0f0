from __future__ import annotations

import pytest

optuna = pytest.importorskip("optuna", reason="needs the sweep extra: pip install -e '.[sweep]'")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from accompanist.config import TrainConfig, with_flags  # noqa: E402
from accompanist.errors import ConfigError  # noqa: E402
from training.sweep.space import USUAL, Range, space_of  # noqa: E402

BASE = TrainConfig()


def test_what_is_typed_is_what_varies() -> None:
    typed = ["learning_rate=0.0001:0.01", "--critic-updates=1:5", "batch=16, 32", "planes=1,2"]
    space = space_of(BASE, typed)
    assert [str(each) for each in space] == [
        "learning_rate=0.0001:0.01", "critic_updates=1:5", "batch=16,32", "planes=1,2",
    ]  # fmt: skip
    assert [each.logarithmic for each in space] == [True, False, False, False]
    assert [each.choices for each in space[2:]] == [(16, 32), (1, 2)]


@pytest.mark.parametrize("recipe", USUAL)
def test_each_recipe_has_usual_ones(recipe: str) -> None:
    assert len(space_of(with_flags(BASE, {"model": recipe}), ())) >= 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("depth=1:2", "SETTING=LOW:HIGH"),
        ("seed=1:2", "SETTING=LOW:HIGH"),
        ("learning_rate", "SETTING=LOW:HIGH"),
        ("learning_rate=0.01:0.001", "the lower one first"),
        ("learning_rate=0:0.001", "--learning-rate is 0.0; accepted: number, > 0"),
        ("critic_updates=1:many", "--critic-updates is 'many'; accepted: whole number"),
    ],
)
def test_what_cannot_vary_so_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        space_of(BASE, [text])


def test_a_setting_varies_once() -> None:
    with pytest.raises(ConfigError, match="names batch twice"):
        space_of(BASE, ["batch=16,32", "batch=64,128"])


@given(st.floats(1e-5, 0.5), st.floats(1.01, 1e3), st.integers(0, 5))
def test_a_trial_stays_within_its_bounds(low: float, ratio: float, seed: int) -> None:
    high = min(low * ratio, 1.0)
    each = Range(setting="learning_rate", low=low, high=high)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    assert low <= each.suggest(study.ask()) <= high
    whole = Range(setting="critic_updates", low=1, high=6).suggest(study.ask())
    assert isinstance(whole, int)
    assert 1 <= whole <= 6


optuna.logging.set_verbosity(optuna.logging.ERROR)
