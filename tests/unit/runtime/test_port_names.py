from __future__ import annotations

import unicodedata

import pytest

from accompanist.errors import PortNotFound
from accompanist.runtime.port_names import choose, found_again
from accompanist.runtime.ports import PortChoice

THERE = ("Keystation 49:Keystation 49 MIDI 1 20:0", "fluid:midi_00", "Synth:in", "Synth:in 2", "DAW 3")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("fluid:midi_00", "fluid:midi_00"),  # in full
        ("Synth:in", "Synth:in"),  # in full wins, though "Synth:in 2" holds it too
        ("in", "Synth:in"),  # the port's own name, in full
        ("midi_00", "fluid:midi_00"),
        ("FLUID:MIDI_00", "fluid:midi_00"),  # whatever its case
        ("keyst", "Keystation 49:Keystation 49 MIDI 1 20:0"),  # a part only it has
    ],
)
def test_a_name_finds_its_port(asked: str, found: str) -> None:
    assert choose(asked, THERE, can_make=True) == PortChoice(found, exists=True)


@pytest.mark.parametrize(
    ("system", "asked", "there"),
    [
        ("ALSA", "Keys:Keys MIDI 1 20:0", "Keys:Keys MIDI 1 24:0"),  # it came third this time
        ("ALSA", "Keys MIDI 1", "Keys:Keys MIDI 1 24:0"),
        ("JACK", "Synth:in", "Synth-01:in"),  # the first Synth had not quite gone
        ("JACK", "Synth-02:in", "Synth:in"),
        ("JACK", "Synth-2:in", "Synth-3:in"),
        ("JACK", "a2j:Keys [20] (capture): Keys MIDI 1", "a2j:Keys [24] (capture): Keys MIDI 1"),
        ("Windows MM", "Keys 1", "Keys 3"),
        ("Windows MM", "Keys", "2- Keys 3"),  # in another socket
        ("Windows MM", "MIDIIN2 (Keys) 1", "MIDIIN2 (3- Keys) 2"),
        ("Windows MM", "A Keyboard with a Very Long Name 0", "2- A Keyboard with a Very Long  4"),  # 31 characters
        ("Windows MM", "A Keyboard with a Very Long Brand and More", "A Keyboard with a Very Long Bra 1"),
        ("CoreMIDI", "Clavier \u00e9lectrique", "Clavier e\u0301lectrique"),  # macOS takes accents off their letters
        ("CoreMIDI", "KLAVI\u00c4TUR", "klavia\u0308tur Anschluss 1"),
        ("", "\u30ad\u30fc\u30dc\u30fc\u30c8\u3099", "\u30ad\u30fc\u30dc\u30fc\u30c9"),
    ],
)
def test_a_name_of_yesterday_finds_the_port_of_today(system: str, asked: str, there: str) -> None:
    assert choose(asked, ("Other", there), can_make=False, system=system) == PortChoice(there, exists=True)


@pytest.mark.parametrize(
    ("system", "asked", "there"),
    [
        ("ALSA", "Keys:Keys MIDI 1 20:0", "Keys:Keys MIDI 2 20:1"),  # another socket of the same box
        ("JACK", "TR:TR-8", "TR:TR-6"),  # another machine
        ("JACK", "system:midi_capture_1", "system:midi_capture_2"),
        ("CoreMIDI", "TR-8", "TR-6"),
        ("CoreMIDI", "Keys 1", "Keys 2"),  # only Windows numbers its ports so
    ],
)
def test_a_number_that_means_something_is_never_passed_over(system: str, asked: str, there: str) -> None:
    assert choose(asked, (there,), can_make=True, system=system) == PortChoice(asked, exists=False)


def test_the_same_name_wins_over_one_with_other_numbers() -> None:
    there = ("Keys:MIDI 24:0", "Keys:MIDI 20:0")
    assert choose("Keys:MIDI 20:0", there, can_make=True, system="ALSA").name == "Keys:MIDI 20:0"


@pytest.mark.parametrize("asked", ["", "  "])
def test_a_name_that_is_empty_is_no_name(asked: str) -> None:
    with pytest.raises(PortNotFound, match="is empty"):
        choose(asked, THERE[:1], can_make=True)


def test_any_other_name_becomes_a_virtual_port() -> None:
    assert choose("Keyboard", THERE, can_make=True) == PortChoice("Keyboard", exists=False)
    assert choose("Keyboard #2", THERE, can_make=True) == PortChoice("Keyboard #2", exists=False)


def test_a_part_of_several_names_is_refused_with_all_of_them() -> None:
    with pytest.raises(PortNotFound, match=r"several MIDI ports match 'Synth': Synth:in, Synth:in 2") as caught:
        choose("Synth", THERE, can_make=True)
    assert "accompanist ports" in caught.value.hint
    assert '"Synth #1"' in caught.value.hint


TWINS = ("Keys:MIDI 20:0", "Pad", "Keys:MIDI 24:0")


@pytest.mark.parametrize(("asked", "found"), [("Keys #1", 0), ("keys#2", 2), ("Keys:MIDI #2", 2), ("Pad #1", 1)])
def test_of_several_that_fit_a_number_takes_one(asked: str, found: int) -> None:
    assert choose(asked, TWINS, can_make=True, system="ALSA") == PortChoice(TWINS[found], exists=True)


def test_of_ports_of_the_very_same_name_a_number_takes_one() -> None:
    there = ("Keys", "Pad", "Keys")
    assert choose("Keys #1", there, can_make=True) == PortChoice("Keys", exists=True, nth=0)
    assert choose("Keys #2", there, can_make=True) == PortChoice("Keys", exists=True, nth=1)
    with pytest.raises(PortNotFound, match="several MIDI ports match 'Keys': Keys, Keys;"):
        choose("Keys", there, can_make=True)


def test_a_number_beyond_those_that_fit_is_refused() -> None:
    with pytest.raises(PortNotFound, match=r"'Keys #3' asks for port 3 .* there are: Keys:MIDI 20:0, Keys:MIDI 24:0"):
        choose("Keys #3", TWINS, can_make=True, system="ALSA")


def test_a_port_whose_name_ends_in_a_number_is_found_by_it() -> None:
    there = ("Synth #1", "Synth #2", "Box:Synth #3")
    for name in there:
        assert choose(name, there, can_make=True).name == name
    assert choose("Synth #3", there, can_make=True).name == "Box:Synth #3"


def test_where_no_port_can_be_made_the_nearest_is_named_and_loopmidi() -> None:
    with pytest.raises(PortNotFound, match=r"no MIDI port 'Sinth:in'.*the nearest is 'Synth:in'") as caught:
        choose("Sinth:in", THERE, can_make=False)
    assert "fluid:midi_00" in caught.value.message
    assert "loopMIDI" in caught.value.hint


def test_with_no_port_at_all_it_says_none() -> None:
    with pytest.raises(PortNotFound, match="there are: none"):
        choose("DAW", (), can_make=False)


def again(asked: str, had: str, there: tuple[str, ...], stood_by: tuple[str, ...] = (), nth: int = 0) -> str | None:
    found = found_again(asked, PortChoice(had, exists=True, nth=nth), there, stood_by, system="ALSA")
    return found.name if found else None


def test_what_was_lost_is_found_again_under_its_new_number() -> None:
    assert again("Keys", "Keys:MIDI 20:0", ("Pad 16:0", "Keys:MIDI 28:0"), ("Pad 16:0",)) == "Keys:MIDI 28:0"
    assert again("Keys", "Keys:MIDI 20:0", ("Pad 16:0",), ("Pad 16:0",)) is None


def test_a_twin_that_stood_by_is_never_taken_for_it() -> None:
    twin = "Keys:MIDI 24:0"
    for asked in ("Keys:MIDI 20:0", "Keys #1", "MIDI"):
        assert again(asked, "Keys:MIDI 20:0", (twin,), (twin,)) is None
        assert again(asked, "Keys:MIDI 20:0", (twin, "Keys:MIDI 28:0"), (twin,)) == "Keys:MIDI 28:0"


def test_of_twins_that_come_back_together_the_number_takes_one() -> None:
    there = ("Keys:MIDI 30:0", "Keys:MIDI 31:0")
    assert again("Keys #2", "Keys:MIDI 24:0", there) == "Keys:MIDI 31:0"
    with pytest.raises(PortNotFound, match="several MIDI ports match 'Keys'"):  # which of them is anybody's guess
        again("Keys", "Keys:MIDI 24:0", there)
    assert again("Keys", "Keys:MIDI 24:0", there, there[:1]) == there[1]  # the other stood by


def test_ports_of_the_very_same_name_keep_their_places() -> None:
    had = PortChoice("Keys", exists=True, nth=1)
    assert found_again("Keys #2", had, ("Keys",), ("Keys",)) is None
    assert found_again("Keys #2", had, ("Keys", "Keys"), ("Keys",)) == had


def test_a_name_in_two_spellings_is_one() -> None:
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "Öffner")  # type: ignore[arg-type]
        assert choose("Öffner", (name,), can_make=True) == PortChoice(name, exists=True)
