"""`accompanist train --explain`: what each setting of training means to a musician, its range and its default."""

from __future__ import annotations

import textwrap

from accompanist.config import Setting, settings
from training.recipe import OWN

WIDTH = 100
_INDENT = "    "


def explained() -> str:
    """Every setting of training as text, in the order of the settings file."""
    head = (
        "What a training can be told. Each is a flag of accompanist train, and stands under [train] in config.toml; "
        "left out, the recipe's own value holds. Whoever begins need touch none but --data and --epochs."
    )
    parts = [_explained(setting) for setting in settings() if setting.key.startswith("train.")]
    return "\n\n".join([textwrap.fill(head, WIDTH), *parts])


def flag_of(name: str) -> str:
    """The flag of a setting."""
    return "--from" if name == "base" else "--" + name.replace("_", "-")


def _explained(setting: Setting) -> str:
    name = setting.key.removeprefix("train.")
    own = {recipe: values[name] for recipe, values in OWN.items() if name in values}
    if own:
        default = "; ".join(f"{recipe} {_shown(value)}" for recipe, value in own.items())
    else:
        default = _shown(setting.default)
    lines = [
        f"{flag_of(name)}   [{setting.kind}; default {default}]",
        *textwrap.wrap(setting.meaning[:1].upper() + setting.meaning[1:] + ".", WIDTH - len(_INDENT)),
        *textwrap.wrap(setting.plain, WIDTH - len(_INDENT)),
    ]
    return lines[0] + "".join(f"\n{_INDENT}{line}" for line in lines[1:])


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value == "" else str(value)
