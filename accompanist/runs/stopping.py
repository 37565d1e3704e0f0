"""What ends a run before its last epoch: `--stop RULE`, several times if you like; the first that comes true ends it.

plateau          nothing improves any more: see `accompanist.runs.convergence`
epochs:N         after N epochs
steps:N          after N steps
minutes:N        after N minutes of training, over all sessions
METRIC>=X        a metric of a sampled epoch has reached X, such as "coupling>=0.4"
METRIC<=X        or has fallen to it, such as "similarity_index<=0.1"
none             nothing; alone, to take back what a settings file or an earlier session asked for
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from accompanist.errors import ConfigError

NONE = "none"
ACCEPTED = 'plateau, epochs:N, steps:N, minutes:N, "METRIC>=X", "METRIC<=X" or none'
_COUNTED = re.compile(r"(epochs|steps|minutes):(\d+(?:\.\d+)?)")
_TARGET = re.compile(r"([\w.]+)\s*(>=|<=)\s*([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)")


class Rule(NamedTuple):
    """One reason to end a run.

    Args:
        text: As it was written.
        kind: What it looks at; most and least look at a metric.
        bound: Number that ends it.
        metric: Name, of the two that look at one.
    """

    text: str
    kind: Literal["plateau", "epochs", "steps", "minutes", "least", "most"]
    bound: float = 0.0
    metric: str = ""

    @property
    def sampled(self) -> bool:
        """Whether it can only come true where an epoch is sampled."""
        return self.kind in ("plateau", "least", "most")


class Moment(NamedTuple):
    """Where a run stands.

    Args:
        step: Steps done.
        epochs: Whole epochs done.
        trained_s: Seconds of training, over all sessions.
        metrics: Of the last sampled epoch.
        plateau: Says whether nothing improves any more; asked only where a rule wants to know.
    """

    step: int
    epochs: int
    trained_s: float
    metrics: dict[str, float]
    plateau: Callable[[], bool]


def parse(texts: Iterable[str]) -> tuple[Rule, ...]:
    """Rules as they are written in settings and on the command line.

    Raises:
        ConfigError: one of them is none.
    """
    given = [text.strip() for text in texts]
    if NONE in given:
        if len(given) > 1:
            raise ConfigError("--stop is none and something else; accepted: none alone", hint="leave out --stop none")
        return ()
    return tuple(map(_parsed, given))


def first_true(rules: Sequence[Rule], moment: Moment, *, sampled: bool) -> Rule | None:
    """The first rule that ends a run at this moment; None where it goes on.

    Args:
        rules: Parsed.
        moment: Where it stands.
        sampled: Whether an epoch was sampled at this very step, so that metrics are new.
    """
    if not moment.step:  # whoever has learnt nothing has reached nothing
        return None
    return next((rule for rule in rules if (sampled or not rule.sampled) and _holds(rule, moment)), None)


def refuse_unknown(rules: Sequence[Rule], metrics: Iterable[str]) -> None:
    """Make sure that every metric asked for is one that this run measures.

    Raises:
        ConfigError: one is not.
    """
    known = list(metrics)
    for rule in rules:
        if rule.metric and rule.metric not in known:
            near = difflib.get_close_matches(rule.metric, known, n=1) or known[:1]
            raise ConfigError(
                f"--stop {rule.text}: this run has no metric {rule.metric}; it has {', '.join(sorted(known))}",
                hint=f'for instance --stop "{near[0]}>={rule.bound:g}"' if near else "",
            )


def _parsed(text: str) -> Rule:
    if text == "plateau":
        return Rule(text, "plateau")
    if match := _COUNTED.fullmatch(text):
        kind: Literal["epochs", "steps", "minutes"] = match[1]  # type: ignore[assignment]  # one of the three
        bound = float(match[2])
        if bound > 0 and (kind == "minutes" or bound.is_integer()):
            return Rule(text, kind, bound)
    if (match := _TARGET.fullmatch(text)) and math.isfinite(bound := float(match[3])):
        return Rule(text, "least" if match[2] == ">=" else "most", bound, match[1])
    raise ConfigError(
        f"--stop is {text!r}; accepted: {ACCEPTED}",
        hint='a shell takes > and < for itself, so put a target in quotes: --stop "coupling>=0.4"',
    )


def _holds(rule: Rule, moment: Moment) -> bool:
    if rule.kind == "plateau":
        return moment.plateau()
    if rule.metric:
        value = moment.metrics.get(rule.metric, math.nan)
        return value >= rule.bound if rule.kind == "least" else value <= rule.bound
    counted = {"epochs": moment.epochs, "steps": moment.step, "minutes": moment.trained_s / 60}
    return counted[rule.kind] >= rule.bound
