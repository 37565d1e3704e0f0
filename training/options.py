"""Settings as command-line flags, made from the struct itself, so that help and settings cannot drift apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import click
import msgspec
from msgspec import Meta

from training.explain import flag_of

_F = TypeVar("_F", bound=Callable[..., Any])


def flags_of(stage: type[msgspec.Struct]) -> Callable[[_F], _F]:
    """A decorator that gives a click command a flag for each field of a stage's settings.

    A flag that is not given arrives as None (or an empty tuple), so that `accompanist.config.with_flags` can tell.
    """

    def decorate(function: _F) -> _F:
        for field in reversed(msgspec.structs.fields(stage)):
            function = _flag(field)(function)
        return function

    return decorate


def given(stage: type[msgspec.Struct], flags: dict[str, Any]) -> dict[str, Any]:
    """The flags that were typed, by field."""
    names = {field.name for field in msgspec.structs.fields(stage)}
    return {name: value for name, value in flags.items() if name in names and value is not None and value != ()}


def _flag(field: msgspec.structs.FieldInfo) -> Callable[[_F], _F]:
    kind, meta = field.type, None
    if get_origin(kind) is Annotated:
        kind, meta = get_args(kind)
    flag = flag_of(field.name)
    return click.option(
        flag + (f"/--no-{flag[2:]}" if kind is bool else ""),
        field.name,
        help=f"{_meaning(meta)}  [{_bounds(meta)}default: {_default(field.default)}]",
        **_click_kind(kind, field.name),
    )


def _click_kind(kind: Any, name: str) -> dict[str, Any]:
    """What click needs to know of a field's type."""
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        number = all(isinstance(choice, int) for choice in choices)
        return {
            "type": click.Choice([str(choice) for choice in choices]),
            "callback": (lambda _context, _option, text: None if text is None else int(text)) if number else None,
        }
    if kind is bool:
        return {"is_flag": True, "default": None}
    if get_origin(kind) is tuple:
        return {"multiple": True, "type": str, "metavar": name.upper()}
    return {"type": kind, "default": None}


def _meaning(meta: Meta | None) -> str:
    text = (meta.description if meta else None) or ""
    return text[:1].upper() + text[1:] + "."


def _bounds(meta: Meta | None) -> str:
    if meta is None:
        return ""
    signs = ((">=", meta.ge), (">", meta.gt), ("<=", meta.le), ("<", meta.lt))
    return "".join(f"{sign} {value:g}, " for sign, value in signs if value is not None)


def _default(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value == "" else str(value)
