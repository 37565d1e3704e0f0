from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert

from accompanist.config import Config
from accompanist.config_controls import ControlsConfig
from accompanist.engine.learning import LET_GO_S, Learner
from accompanist.engine.mapping import Touch


def learned(name: str, *messages: bytes, later_s: float = 0.1) -> str:
    learner = Learner(name)
    for i, data in enumerate(messages):
        learner.hear(data, i * later_s)
    return learner.control


@pytest.mark.parametrize(
    ("name", "messages", "control"),
    [
        ("mute", [b"\xb0\x14\x7f", b"\xb0\x14\x00"], "cc 20 channel 1"),
        ("mute", [b"\xb0\x14\x00"], "cc 20 channel 1 held"),
        ("hold", [b"\xb2\x42\x7f"], "pedal 66 channel 3"),
        ("fill", [b"\x99\x24\x50"], "note C2 channel 10"),
        ("fill", [b"\x89\x24\x50", b"\x99\x24\x00", b"\x99\x25\x01"], "note C#2 channel 10"),
        ("panic", [b"\xcf\x05"], "program 5 channel 16"),
        ("style", [b"\x90\x24\x50", b"\xc0\x05"], "program channel 1"),
        ("style", [b"\xb0\x15\x40"], "cc 21 channel 1"),
        ("density", [b"\x90\x24\x50", b"\xc0\x05", b"\xb0\x15\x40"], "cc 21 channel 1"),
    ],
)
def test_a_touch_is_named_as_the_settings_name_it(name: str, messages: list[bytes], control: str) -> None:
    assert learned(name, *messages) == control


def test_a_button_that_is_not_heard_being_let_go_latches() -> None:
    learner = Learner("mute")
    learner.hear(b"\xb0\x14\x7f", 1.0)
    assert learner.decides_at_s == 1.0 + LET_GO_S
    learner.wait(1.0 + LET_GO_S - 0.01)
    assert learner.control == ""
    learner.wait(1.0 + LET_GO_S)
    assert learner.control == "cc 20 channel 1 held"
    assert learner.decides_at_s is None


def test_what_no_hand_does_is_passed_over() -> None:
    noise = [b"\xf8", b"\xfe", b"", b"\xb0", b"\xe0\x00\x40", b"\xd0\x40", b"\xb0\x7b\x00", b"\xb0\x40"]
    assert learned("mute", *noise) == ""


def test_another_control_does_not_answer_for_the_one_that_was_pressed() -> None:
    assert learned("mute", b"\xb0\x14\x7f", b"\xb0\x15\x00", b"\xb1\x14\x00", b"\xb0\x14\x00") == "cc 20 channel 1"


channel_messages = st.tuples(st.integers(0x80, 0xEF), st.integers(0, 127), st.integers(0, 127)).map(
    lambda parts: bytes(parts[: 2 if parts[0] & 0xE0 == 0xC0 else 3])
)
FUNCTIONS = [name for name in ControlsConfig.__struct_fields__ if not name.endswith("_")]


@given(st.sampled_from(FUNCTIONS), st.lists(channel_messages, max_size=20))
def test_whatever_is_learnt_is_accepted_and_reads_what_was_touched(name: str, messages: list[bytes]) -> None:
    control = learned(name, *messages)
    if control:
        value = {"bass": control} if name in ("mute", "solo") else control
        convert({"controls": {name: value}}, Config)
        assert any(Touch.parse(control).reads(data) is not None for data in messages)
