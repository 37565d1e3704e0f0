from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.tiny import TINY_SPEC

from accompanist.config import Config
from accompanist.config_controls import ControlsConfig
from accompanist.engine.mapping import ControlMap, Touch
from accompanist.engine.protocol import Received
from accompanist.errors import ConfigError

STYLED = replace(TINY_SPEC, styles=("ballad", "swing", "waltz"))


def mapped(**controls: Any) -> ControlMap:
    return ControlMap(msgspec.convert({"controls": controls}, Config).controls, STYLED)


def asked(control_map: ControlMap, *messages: bytes) -> list[tuple[str, float | None]]:
    """The commands of messages, as (name, value)."""
    found = []
    for data in messages:
        if control_map.owns(Received(0.0, data)):
            found += [(c.name, c.value) for c in control_map.commands(Received(1.0, data))]
    return found


@pytest.mark.parametrize(
    ("text", "touch"),
    [
        ("cc 20", Touch("cc", 20, -1, held=False)),
        ("CC 20 Channel 16", Touch("cc", 20, 15, held=False)),
        ("note C1", Touch("note", 24, -1, held=False)),
        ("note 21 channel 1 held", Touch("note", 21, 0, held=True)),
        ("pedal 66", Touch("cc", 66, -1, held=True)),
        ("pedal 66 toggle", Touch("cc", 66, -1, held=False)),
        ("program", Touch("program", -1, -1, held=False)),
        ("program 5 channel 2", Touch("program", 5, 1, held=False)),
    ],
)
def test_controls_are_written_as_a_musician_says_them(text: str, touch: Touch) -> None:
    assert Touch.parse(text) == touch


def test_a_button_turns_a_switch_when_it_is_pressed_and_not_when_it_is_let_go() -> None:
    button = mapped(hold="cc 20")
    press, let_go = b"\xb3\x14\x7f", b"\xb3\x14\x00"
    assert asked(button, press, let_go, press, let_go) == [("hold", None), ("hold", None)]


def test_a_control_that_repeats_itself_asks_once() -> None:
    button = mapped(hold="cc 20")
    assert asked(button, *(bytes((0xB0, 20, value)) for value in (10, 63, 64, 90, 127, 80, 63, 0))) == [("hold", None)]


def test_a_pedal_holds_while_it_is_down() -> None:
    pedal = mapped(hold="pedal 66")
    assert asked(pedal, b"\xb0\x42\x7f", b"\xb0\x42\x50", b"\xb0\x42\x00") == [("hold", 1.0), ("hold", 0.0)]


def test_a_latching_button_says_on_and_off_itself() -> None:
    latching = mapped(listen="cc 20 held")
    assert asked(latching, b"\xb0\x14\x7f", b"\xb0\x14\x00") == [("listen", 1.0), ("listen", 0.0)]


def test_a_trigger_happens_once_for_each_press_also_of_a_pedal() -> None:
    pedal = mapped(fill="pedal 67")
    assert asked(pedal, b"\xb0\x43\x7f", b"\xb0\x43\x00", b"\xb0\x43\x7f") == [("fill", None), ("fill", None)]


def test_a_key_is_pressed_however_softly_and_its_note_off_and_pressure_are_nothing() -> None:
    key = mapped(mute={"bass": "note C1"})
    messages = [b"\x90\x18\x01", b"\xa0\x18\x40", b"\x80\x18\x40", b"\x90\x18\x7f", b"\x90\x18\x00"]
    assert all(key.owns(Received(0.0, data)) for data in messages)
    assert asked(key, *messages) == [("mute", None), ("mute", None)]
    assert not key.owns(Received(0.0, b"\x90\x19\x40"))


def test_a_knob_goes_from_none_to_all() -> None:
    knobs = mapped(density="cc 21", temperature="cc 22")
    assert asked(knobs, b"\xb0\x15\x00", b"\xb0\x15\x7f") == [("density", 0.0), ("density", 1.0)]
    assert asked(knobs, b"\xb0\x16\x00", b"\xb0\x16\x40") == [("temperature", 0.0), ("temperature", 1.0)]
    assert asked(knobs, b"\xb0\x16\x7f") == [("temperature", 127 / 64)]


def test_a_style_by_its_program_or_by_a_knob() -> None:
    assert asked(mapped(style="program"), b"\xc0\x02", b"\xc0\x09") == [("style", 2), ("style", 9)]
    values = [asked(mapped(style="cc 30"), bytes((0xB0, 30, value)))[0][1] for value in (0, 42, 43, 86, 127)]
    assert values == [0, 0, 1, 2, 2]


def test_a_program_is_pressed_again_and_again() -> None:
    assert asked(mapped(fill="program 5"), b"\xc0\x05", b"\xc0\x05", b"\xc0\x04") == [("fill", None)] * 2


def test_a_channel_may_be_named() -> None:
    channel = mapped(fill="cc 20 channel 10")
    assert [channel.owns(Received(0.0, bytes((0xB0 | at, 20, 127)))) for at in (9, 8)] == [True, False]


def test_one_control_may_do_several_things() -> None:
    both = mapped(mute={"bass": "cc 20", "piano": "cc 20"})
    commands = both.commands(Received(2.0, b"\xb0\x14\x7f"))
    assert [(c.at_s, c.name, c.track) for c in commands] == [(2.0, "mute", 0), (2.0, "mute", 1)]


def test_a_track_the_model_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"controls\.mute\.bas: the model has no track 'bas'; it has bass, piano"):
        mapped(mute={"bas": "cc 20"})


def test_a_style_control_is_refused_where_the_model_has_no_styles() -> None:
    with pytest.raises(ConfigError, match="the model has no styles"):
        ControlMap(ControlsConfig(style="program"), TINY_SPEC)


kinds = [0x80, 0x90, 0xA0, 0xB0, 0xE0]
messages = st.one_of(
    st.tuples(st.sampled_from(kinds), st.integers(0, 15), st.sampled_from([20, 21, 24, 66]), st.integers(0, 127)).map(
        lambda parts: bytes((parts[0] | parts[1], parts[2], parts[3]))
    ),
    st.tuples(st.sampled_from([0xC0, 0xD0]), st.integers(0, 127)).map(bytes),
)
EVERYTHING = {
    "mute": {"bass": "cc 20", "piano": "note 24 held"},
    "solo": {"strings": "note 24 channel 3"},
    "density": "cc 21",
    "hold": "pedal 66",
    "style": "program",
    "panic": "program 5",
}


@given(st.lists(messages, max_size=60))
def test_nothing_is_pressed_twice_without_being_let_go(script: list[bytes]) -> None:
    control_map = mapped(**EVERYTHING)
    held: dict[tuple[str, int], float] = {}
    for data in script:
        if not control_map.owns(Received(0.0, data)):
            continue
        assert data[0] & 0xF0 != 0xE0
        for command in control_map.commands(Received(0.0, data)):
            key = command.name, command.track
            if key in (("mute", 1), ("hold", -1)):
                assert command.value is not None
                assert held.get(key) != command.value
                held[key] = command.value
