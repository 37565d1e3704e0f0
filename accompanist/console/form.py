"""The form that starts a training: made from the settings' own fields, so that none is forgotten or told otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

from accompanist.config import TrainConfig, with_flags
from accompanist.config_train import PLAIN
from accompanist.errors import ConfigError

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Model", ("model", "width", "layers", "planes", "base", "name")),
    ("How long", ("epochs", "adversarial_epochs", "stop", "sample_every", "best_by", "keep", "tensorboard")),
    (
        "How it learns",
        (
            *("learning_rate", "critic_learning_rate", "batch", "critic_updates", "ratio", "gradient_penalty"),
            *("beta1", "beta2"),
        ),
    ),
    ("Variety", ("weight", "noise", "transpose", "stretch_beats", "seed")),
    ("This machine", ("device", "precision", "threads")),
)
"""Fields of a group; what stands in none comes last, under `MORE`."""
MORE = "More"
ELSEWHERE = ("runs", "data", "tag")
"""Where runs are kept is the console's business; the music has a part of the page of its own."""
_RECIPE = re.compile(r"^(musegan|live): ")


Kind = Literal["choice", "whole", "number", "switch", "list", "text"]


class Field(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A field of the form.

    Args:
        name: The setting's.
        group: Under which heading.
        kind: choice, whole, number, switch, list (of text, with commas between) or text.
        default: In force where nothing else is chosen.
        meaning: In a sentence.
        recipe: The only one that it is of; empty: all.
        choices: Of a choice.
        least, most: Bounds, themselves accepted.
        above, below: Bounds, themselves not accepted.
    """

    name: str
    group: str
    kind: Kind
    default: Any
    meaning: str
    recipe: str = ""
    choices: tuple[Any, ...] = ()
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None


class Preset(msgspec.Struct, frozen=True):
    """A choice of settings to begin with.

    Args:
        name: On its button.
        about: What one gets, in a sentence.
        values: Settings that differ from the defaults.
    """

    name: str
    about: str
    values: dict[str, Any]


PRESETS = (
    Preset(
        "Try it",
        "A small model on Bach's chorales, five minutes of training on this machine: to see the whole way once.",
        # Of what was tried (1, 2 and 5 lessons of the critic, 16 and 64 windows) this learns most in so little time.
        {
            "model": "musegan",
            "data": ["chorales"],
            "width": 16,
            "batch": 16,
            "critic_updates": 2,
            "epochs": 20,
            "stop": ["minutes:5"],
            "name": "try-it",
        },
    ),
    Preset(
        "Classic",
        "The published MuseGAN recipe on pop songs. Hours on a graphics card, days without one.",
        {"model": "musegan", "data": ["pop909"], "width": 64, "epochs": 50, "name": "classic"},
    ),
    Preset(
        "Shipped model",
        "The recipe of the model that comes with Accompanist: it plans ahead. A day on two cores.",
        {"model": "live", "name": "live"},
    ),
)


def fields(config: TrainConfig) -> list[Field]:
    """The form's fields, by group.

    Args:
        config: Its values are the defaults.
    """
    order = [name for _, names in GROUPS for name in names]
    there = {field.name: field for field in msgspec.structs.fields(TrainConfig) if field.name not in ELSEWHERE}
    names = [*(name for name in order if name in there), *(name for name in there if name not in order)]
    return [_field(there[name], config) for name in names]


def checked(config: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
    """Settings with a form's values laid over them.

    Raises:
        ConfigError: a value is none of its setting's, or there is no such setting.
    """
    if "runs" in values:
        raise ConfigError("where runs are kept is not the form's to say", hint="accompanist console --runs FOLDER")
    return with_flags(config, dict(values))


def problems(config: TrainConfig, values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong, by setting; under "" what is wrong with them together."""
    found = {}
    for name, value in values.items():
        try:
            checked(config, {name: value})
        except ConfigError as error:
            found[name] = error.message
    if not found:
        try:
            checked(config, values)
        except ConfigError as error:
            found[""] = error.message
    return found


def _field(field: msgspec.structs.FieldInfo, config: TrainConfig) -> Field:
    kind, meta = field.type, Meta()
    if get_origin(kind) is Annotated:
        kind, meta = get_args(kind)
    meaning = meta.description or ""
    plain = str((meta.extra or {}).get(PLAIN, ""))
    recipe = match[1] if (match := _RECIPE.match(meaning)) else ""
    value = getattr(config, field.name)
    return Field(
        name=field.name,
        group=next((group for group, names in GROUPS if field.name in names), MORE),
        kind=_kind(kind),
        default=", ".join(value) if isinstance(value, tuple) else value,
        meaning=plain or _sentence(_RECIPE.sub("", meaning)),
        recipe=recipe,
        choices=get_args(kind) if get_origin(kind) is Literal else (),
        least=meta.ge,
        most=meta.le,
        above=meta.gt,
        below=meta.lt,
    )


def _kind(kind: Any) -> Kind:
    if get_origin(kind) is Literal:
        return "choice"
    if get_origin(kind) is tuple:
        return "list"
    kinds: dict[Any, Kind] = {bool: "switch", int: "whole", float: "number"}
    return kinds.get(kind, "text")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "." if text else ""
