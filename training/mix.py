"""How often each song is heard beside the others: weights of sources (`--data mine=3`) and of tags (`--weight`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from accompanist.config import TrainConfig
from accompanist.errors import ConfigError

MOST = 1000.0


@dataclass(frozen=True, slots=True)
class Mix:
    """The sources of a run, and what weighs how much among them.

    Args:
        names: The sources, each once, in the order in which they were asked for.
        sources: Weights that were asked for, by source.
        tags: Weights that were asked for, by key and value of a tag.
    """

    names: tuple[str, ...]
    sources: Mapping[str, float]
    tags: Mapping[tuple[str, str], float]

    @property
    def weighs(self) -> bool:
        """Whether any weight was asked for."""
        return bool(self.sources or self.tags)

    def weight(self, tags: Mapping[str, str], usual: Mapping[str, float] = MappingProxyType({})) -> float:
        """How often a song is heard: its source's weight times that of each of its tags.

        Args:
            tags: The song's, its source among them.
            usual: Weights of sources that no weight was asked for; 1 for any other.
        """
        source = tags["source"]
        weight = self.sources.get(source, usual.get(source, 1.0))
        for (key, value), factor in self.tags.items():
            if tags.get(key) == value:
                weight *= factor
        return weight


def mix_of(config: TrainConfig) -> Mix:
    """The mix that a run asks for.

    Raises:
        ConfigError: a weight is no number above 0, or one source or tag has two.
    """
    sources: dict[str, float] = {}
    names = []
    for text in config.data:
        name, equals, number = text.partition("=")
        names.append(name)
        if equals:
            _set(sources, name, _number(number, f"--data {text}", "NAME=WEIGHT", "mine=3"), f"the source {name}")
    tags: dict[tuple[str, str], float] = {}
    for text in config.weight:
        tag, _, number = text.rpartition("=")
        key, equals, value = tag.partition("=")
        if not (key and equals and value):
            raise ConfigError(f"--weight {text} is not KEY=VALUE=WEIGHT", hint="for instance: --weight style=ska=3")
        factor = _number(number, f"--weight {text}", "KEY=VALUE=WEIGHT", "style=ska=3")
        _set(tags, (key, value), factor, f"the tag {tag}")
    return Mix(tuple(dict.fromkeys(names)), sources, tags)


def shares(weights: Iterable[tuple[str, float]]) -> dict[str, float]:
    """What part of all that is heard each source is, the largest first.

    Args:
        weights: Source and weight of everything that is heard.
    """
    sums: dict[str, float] = {}
    for source, weight in weights:
        sums[source] = sums.get(source, 0.0) + weight
    whole = sum(sums.values())
    return {name: part / whole for name, part in sorted(sums.items(), key=lambda item: -item[1])}


def described(parts: Mapping[str, float]) -> str:
    """Shares for the eye: "you will hear: pop909 75 %, mine 25 %"."""
    return "what it hears: " + ", ".join(f"{name} {part:.0%}".replace("%", " %") for name, part in parts.items())


def _number(text: str, flag: str, form: str, example: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = 0.0
    if not 0 < weight <= MOST:
        raise ConfigError(
            f"{flag}: the weight is {text!r}; accepted: a number above 0, at most {MOST:g}, as {form}",
            hint=f"for instance: {flag.partition(' ')[0]} {example}",
        )
    return weight


def _set(weights: dict, key: object, weight: float, what: str) -> None:  # type: ignore[type-arg]
    if weights.get(key, weight) != weight:
        raise ConfigError(f"{what} is given two weights: {weights[key]:g} and {weight:g}", hint="name it once")
    weights[key] = weight
