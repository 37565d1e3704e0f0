from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accompanist.config import TrainConfig
from accompanist.console.form import ELSEWHERE, GROUPS, PRESETS, checked, fields, problems
from accompanist.errors import ConfigError

CONFIG = TrainConfig()
FIELDS = {field.name: field for field in fields(CONFIG)}


def test_every_setting_of_training_is_in_the_form() -> None:
    assert {*FIELDS, *ELSEWHERE} == {field.name for field in msgspec.structs.fields(TrainConfig)}


def test_every_field_has_a_meaning() -> None:
    assert [name for name, field in FIELDS.items() if not field.meaning] == []


def test_groups_name_settings_that_there_are() -> None:
    assert {name for _, names in GROUPS for name in names} <= set(FIELDS)


def test_bounds_and_choices_are_those_of_the_settings() -> None:
    rate, model = FIELDS["learning_rate"], FIELDS["model"]
    assert (rate.kind, rate.above, rate.most, rate.default) == ("number", 0, 1, 1e-3)
    assert (model.kind, model.choices) == ("choice", ("musegan", "live"))
    assert FIELDS["critic_updates"].recipe == "musegan"
    assert FIELDS["critic_updates"].meaning.startswith("How many lessons")
    assert (FIELDS["weight"].kind, FIELDS["weight"].default) == ("list", "")
    assert (FIELDS["planes"].kind, FIELDS["planes"].choices) == ("choice", (1, 2))


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_presets_are_accepted(preset: object) -> None:
    values = preset.values  # type: ignore[attr-defined]
    assert problems(CONFIG, values) == {}
    assert checked(CONFIG, values).name


def test_what_is_wrong_is_told_by_setting() -> None:
    found = problems(CONFIG, {"epochs": -1, "learning_rate": "fast", "batch": 8, "nonsense": 1})
    assert found["epochs"] == "--epochs is -1; accepted: whole number, >= 0"
    assert "'fast'" in found["learning_rate"]
    assert "nonsense" in found["nonsense"]
    assert "batch" not in found


def test_where_runs_are_kept_is_not_the_form_s_to_say() -> None:
    with pytest.raises(ConfigError, match="not the form's"):
        checked(CONFIG, {"runs": "/etc"})


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.sampled_from([*FIELDS, "data", "tag", "runs", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
            max_leaves=4,
        ),
        max_size=4,
    )
)
def test_whatever_is_sent_is_accepted_or_refused_in_words(values: dict[str, object]) -> None:
    found = problems(CONFIG, values)
    if found:
        assert all(found.values())
        with pytest.raises(ConfigError):
            checked(CONFIG, values)
    else:
        assert isinstance(checked(CONFIG, values), TrainConfig)
