from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.tiny import TINY_SPEC

from accompanist.engine.controls import AMOUNTS, COMMANDS, TRIGGERS, Desk, Refused, Setting, checked, said
from accompanist.engine.protocol import Command

STYLED = replace(TINY_SPEC, styles=("ballad", "swing"))
BASS, PIANO, STRINGS = range(3)


def command(name: str, value: float | None = None, track: int = -1) -> Command:
    return Command(0.0, name, value, track)


@pytest.mark.parametrize(
    ("wrong", "accepted"),
    [
        (command("dance"), COMMANDS),
        (command("mute"), ("bass", "piano", "strings")),
        (command("solo", 1, 3), ("bass", "piano", "strings")),
        (command("hold", 0.5), ("on", "off", "toggle")),
        (command("density", 1.01), ("0 to 1",)),
        (command("density", math.nan), ("0 to 1",)),
        (command("density"), ("0 to 1",)),
        (command("temperature", -0.1), ("0 to 2",)),
        (command("bpm", 29), ("30 to 300",)),
        (command("style", 2), ("ballad", "swing")),
        (command("style", 0.5), ("ballad", "swing")),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_does(wrong: Command, accepted: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as refused:
        checked(wrong, STYLED)
    assert refused.value.accepted == accepted
    assert wrong.name in refused.value.message


def test_a_model_without_styles_says_so() -> None:
    with pytest.raises(Refused, match="the model has no styles"):
        checked(command("style", 0), TINY_SPEC)


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_trigger_needs_nothing(name: str) -> None:
    assert checked(command(name), TINY_SPEC) == command(name)


def test_a_command_in_words() -> None:
    words = [
        (command("mute", 1, BASS), "mute bass on"),
        (command("solo", None, PIANO), "solo piano toggle"),
        (command("hold", 0), "hold off"),
        (command("density", 0.5), "density 0.5"),
        (command("style", 1), "style swing"),
        (command("fill"), "fill"),
    ]
    assert [said(each, STYLED) for each, _ in words] == [word for _, word in words]


def test_mute_and_solo_are_those_of_a_mixer() -> None:
    desk = Desk(TINY_SPEC)
    assert desk.closed == set()
    desk.take(command("mute", 1, BASS))
    assert desk.closed == {BASS}
    desk.take(command("solo", 1, PIANO))
    assert desk.closed == {BASS, STRINGS}
    desk.take(command("solo", 1, BASS))
    assert desk.closed == {BASS, STRINGS}, "what is muted stays silent when it is soloed"
    desk.take(command("mute", 0, BASS))
    assert desk.closed == {STRINGS}
    desk.take(command("solo", None, PIANO))
    desk.take(command("solo", None, BASS))
    assert desk.closed == set()


def test_a_toggle_says_where_it_stands_now() -> None:
    desk = Desk(TINY_SPEC)
    assert [desk.take(command("hold")).value for _ in range(3)] == [1, 0, 1]
    assert [desk.take(command("listen")).value for _ in range(2)] == [0, 1]
    assert [desk.take(command("mute", None, PIANO)).value for _ in range(2)] == [1, 0]


def test_the_desk_says_where_everything_stands() -> None:
    desk = Desk(STYLED)
    assert desk.setting == Setting(style="ballad")
    for each in (
        command("mute", 1, STRINGS),
        command("solo", 1, BASS),
        command("density", 0.5),
        command("temperature", 1.5),
        command("style", 1),
        command("hold", 1),
        command("listen", 0),
        command("bpm", 90),
        command("panic"),
    ):
        desk.take(each)
    assert desk.setting == Setting(("strings",), ("bass",), 0.5, 1.5, "swing", hold=True, listening=False)


commands = st.builds(
    Command,
    st.just(0.0),
    st.sampled_from([*COMMANDS, "dance", ""]),
    st.none() | st.integers(-1, 3) | st.floats(),
    st.integers(-2, 4),
)


@given(st.lists(commands))
def test_whatever_is_accepted_is_taken_and_keeps_its_bounds(given_commands: list[Command]) -> None:
    desk = Desk(STYLED)
    for each in given_commands:
        try:
            accepted = checked(each, STYLED)
        except Refused:
            continue
        taken = desk.take(accepted)
        assert taken.name == each.name
        assert said(taken, STYLED)
        for name in ("density", "temperature"):
            least, most = AMOUNTS[name]
            assert least <= getattr(desk, name) <= most
        assert desk.setting.style in STYLED.styles
        assert desk.closed <= {BASS, PIANO, STRINGS}
