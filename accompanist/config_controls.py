"""The settings that map keys, knobs and pedals: `[controls]` of `config.toml`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

_CC = r"(\d{1,2}|1[01]\d)"
"""Controllers 0 to 119; from 120 on they are channel mode messages (MIDI 1.0)."""
_NUMBER = r"(\d{1,2}|1[01]\d|12[0-7])"
_CHANNEL = r"( channel ([1-9]|1[0-6]))?"
_NOTE = rf"({_NUMBER}|[A-G](#|b)?(-1|\d))"
_SWITCH = rf"(?i)^$|^((cc|pedal) {_CC}|note {_NOTE}|program {_NUMBER}){_CHANNEL}( held| toggle)?$"
_KNOB = rf"(?i)^$|^cc {_CC}{_CHANNEL}$"
_STYLE = rf"(?i)^$|^(cc {_CC}|program){_CHANNEL}$"
_SWITCH_TEXT = 'such as "cc 20", "note C1 channel 10", "pedal 66", "program 5", "cc 20 held" or "pedal 66 toggle"'
_KNOB_TEXT = 'such as "cc 21" or "cc 21 channel 10"'
_STYLE_TEXT = 'such as "program", "cc 21" or "program channel 10"'


class ControlsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What your keys, knobs and pedals do (docs/control.md); `accompanist learn` writes these lines."""

    mute: Annotated[
        dict[str, Annotated[str, Meta(pattern=_SWITCH)]],
        Meta(title=_SWITCH_TEXT, description="silences a track"),
    ] = {}
    solo: Annotated[
        dict[str, Annotated[str, Meta(pattern=_SWITCH)]],
        Meta(title=_SWITCH_TEXT, description="silences all other tracks"),
    ] = {}
    density: Annotated[
        str,
        Meta(
            pattern=_KNOB,
            title=_KNOB_TEXT,
            description="how much of its plan the band plays: the knob's range is none to all",
        ),
    ] = ""
    temperature: Annotated[
        str,
        Meta(
            pattern=_KNOB,
            title=_KNOB_TEXT,
            description="how free the model is: the middle is as trained, the least always the same",
        ),
    ] = ""
    style: Annotated[
        str, Meta(pattern=_STYLE, title=_STYLE_TEXT, description="chooses among the model's styles, by number")
    ] = ""
    hold: Annotated[
        str, Meta(pattern=_SWITCH, title=_SWITCH_TEXT, description="the band stays on the harmony it plays")
    ] = ""
    fill: Annotated[str, Meta(pattern=_SWITCH, title=_SWITCH_TEXT, description="a fill up to the next bar line")] = ""
    panic: Annotated[
        str,
        Meta(pattern=_SWITCH, title=_SWITCH_TEXT, description="everything that sounds ends; the performance goes on"),
    ] = ""
    listen: Annotated[
        str, Meta(pattern=_SWITCH, title=_SWITCH_TEXT, description="the band rests, or plays along again")
    ] = ""
    tap: Annotated[str, Meta(pattern=_SWITCH, title=_SWITCH_TEXT, description="the tempo, tapped in beats")] = ""
    start: Annotated[
        str, Meta(pattern=_SWITCH, title=_SWITCH_TEXT, description="the song begins anew, where no MIDI clock leads")
    ] = ""
    stop: Annotated[
        str, Meta(pattern=_SWITCH, title=_SWITCH_TEXT, description="the song stops, where no MIDI clock leads")
    ] = ""
    continue_: Annotated[
        str, Meta(pattern=_SWITCH, title=_SWITCH_TEXT, description="the song goes on from where it stopped")
    ] = msgspec.field(default="", name="continue")
