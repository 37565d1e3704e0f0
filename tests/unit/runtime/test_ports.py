from __future__ import annotations

import pytest

from accompanist.errors import PortNotFound
from accompanist.runtime.ports import PortChoice, choose

THERE = ("Keystation 49:Keystation 49 MIDI 1 20:0", "fluid:midi_00", "Synth:in", "Synth:in 2", "DAW 3")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("fluid:midi_00", "fluid:midi_00"),  # in full
        ("Synth:in", "Synth:in"),  # in full wins, though "Synth:in 2" holds it too
        ("in", "Synth:in"),  # the port's own name, in full
        ("midi_00", "fluid:midi_00"),
        ("Keystation 49:Keystation 49 MIDI 1", "Keystation 49:Keystation 49 MIDI 1 20:0"),  # without ALSA's numbers
        ("DAW", "DAW 3"),  # without Windows' number
        ("keyst", "Keystation 49:Keystation 49 MIDI 1 20:0"),  # a part only it has, whatever its case
    ],
)
def test_a_name_finds_its_port(asked: str, found: str) -> None:
    assert choose(asked, THERE, can_make=True) == PortChoice(found, exists=True)


@pytest.mark.parametrize("asked", ["", "  "])
def test_a_name_that_is_empty_is_no_name(asked: str) -> None:
    with pytest.raises(PortNotFound, match="is empty"):
        choose(asked, THERE[:1], can_make=True)


def test_any_other_name_becomes_a_virtual_port() -> None:
    assert choose("Keyboard", THERE, can_make=True) == PortChoice("Keyboard", exists=False)


def test_a_part_of_several_names_is_refused_with_all_of_them() -> None:
    with pytest.raises(PortNotFound, match=r"several MIDI ports match 'Synth': Synth:in, Synth:in 2") as caught:
        choose("Synth", THERE, can_make=True)
    assert "accompanist ports" in caught.value.hint


def test_where_no_port_can_be_made_the_nearest_is_named_and_loopmidi() -> None:
    with pytest.raises(PortNotFound, match=r"no MIDI port 'Sinth:in'.*the nearest is 'Synth:in'") as caught:
        choose("Sinth:in", THERE, can_make=False)
    assert "fluid:midi_00" in caught.value.message
    assert "loopMIDI" in caught.value.hint


def test_with_no_port_at_all_it_says_none() -> None:
    with pytest.raises(PortNotFound, match="there are: none"):
        choose("DAW", (), can_make=False)
