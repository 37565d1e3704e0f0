"""What varies in a sweep, and between which bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from optuna.trial import Trial

from accompanist.config import TrainConfig, with_flags
from accompanist.errors import ConfigError

USUAL = {
    "musegan": ("learning_rate=0.0001:0.005", "critic_updates=1:6", "gradient_penalty=1:30", "beta1=0,0.5,0.9"),
    "live": ("learning_rate=0.0001:0.003", "layers=2:6", "batch=8,16,32"),
}
"""What varies where nothing is said, by recipe."""
FIXED = ("model", "data", "tag", "runs", "name", "threads", "device", "seed")
"""Settings that a sweep does not vary: they name the music and the place, and are no settings of the learning."""
LOGARITHMIC_FROM = 10
"""Bounds this many times apart are walked in equal ratios, not in equal steps."""


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """One setting that varies.

    Args:
        setting: Its name.
        low: Its least value, where it varies between two.
        high: Its greatest.
        choices: Its values, where they are few; else empty.
    """

    setting: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[Any, ...] = ()

    @property
    def logarithmic(self) -> bool:
        """Whether it is walked in equal ratios."""
        return not self.choices and self.low > 0 and self.high >= LOGARITHMIC_FROM * self.low

    def suggest(self, trial: Trial) -> Any:
        """Its value in a trial."""
        if self.choices:
            return trial.suggest_categorical(self.setting, list(self.choices))
        if _kind(self.setting) is int:
            return trial.suggest_int(self.setting, int(self.low), int(self.high), log=self.logarithmic)
        return trial.suggest_float(self.setting, self.low, self.high, log=self.logarithmic)

    def __str__(self) -> str:
        """As it is typed."""
        values = ",".join(map(str, self.choices)) if self.choices else f"{self.low:g}:{self.high:g}"
        return f"{self.setting}={values}"


def space_of(base: TrainConfig, typed: Sequence[str]) -> tuple[Range, ...]:
    """What varies.

    Args:
        base: Settings of every trial, but for those that vary.
        typed: Such as "learning_rate=0.0001:0.01" or "batch=16,32"; none: the recipe's usual ones.

    Raises:
        ConfigError: a setting is unknown, cannot vary, or a value of it is out of range.
    """
    found = tuple(_parsed(base, text) for text in typed or USUAL[base.model])
    names = [each.setting for each in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError(f"--vary names {twice} twice; accepted: once", hint="join its values with commas")
    return found


def _parsed(base: TrainConfig, text: str) -> Range:
    name, equals, values = text.partition("=")
    name = name.strip().lstrip("-").replace("-", "_")
    fields = [field.name for field in msgspec.structs.fields(TrainConfig) if field.name not in FIXED]
    if not equals or name not in fields:
        raise ConfigError(
            f"--vary is {text!r}; accepted: SETTING=LOW:HIGH or SETTING=A,B,C, of {', '.join(fields)}",
            hint="for instance --vary learning_rate=0.0001:0.01",
        )
    low, colon, high = values.partition(":")
    given = [_value(base, name, each) for each in ((low, high) if colon else values.split(","))]
    if not colon:
        return Range(setting=name, choices=tuple(given))
    if _kind(name) not in (int, float) or given[0] >= given[1]:
        raise ConfigError(
            f"--vary {name} is {values!r}; accepted: two numbers, the lower one first",
            hint=f"for values that are no numbers: --vary {name}=A,B",
        )
    return Range(setting=name, low=given[0], high=given[1])


def _value(base: TrainConfig, name: str, text: str) -> Any:
    """A value that the setting accepts."""
    try:
        value = msgspec.convert(text.strip(), _kind(name), strict=False)
    except msgspec.ValidationError:
        value = text
    with_flags(base, {name: value})  # tells what is accepted
    return value


def _kind(name: str) -> Any:
    return type(getattr(TrainConfig(), name))
