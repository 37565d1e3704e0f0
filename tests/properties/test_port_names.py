from __future__ import annotations

import unicodedata

from hypothesis import assume, given
from hypothesis import strategies as st

from accompanist.errors import PortNotFound
from accompanist.runtime.port_names import choose, found_again
from accompanist.runtime.ports import PortChoice

SYSTEMS = st.sampled_from(["ALSA", "JACK", "CoreMIDI", "Windows MM", ""])
WORDS = st.text(alphabet="abAB é\u0308:-#()[]0123456789", min_size=1, max_size=12)
NAMES = st.one_of(
    WORDS,
    st.builds("{}:{} {}:{}".format, WORDS, WORDS, st.integers(0, 200), st.integers(0, 9)),
    st.builds("{}-0{}:{}".format, WORDS, st.integers(1, 9), WORDS),
    st.builds("{}- {} {}".format, st.integers(2, 9), WORDS, st.integers(0, 9)),
).filter(str.strip)
LISTINGS = st.lists(NAMES, max_size=6).map(tuple)


@given(asked=NAMES, there=LISTINGS, system=SYSTEMS, can_make=st.booleans())
def test_a_choice_is_there_or_new_and_anything_else_is_refused(
    asked: str, there: tuple[str, ...], system: str, *, can_make: bool
) -> None:
    try:
        choice = choose(asked, there, can_make=can_make, system=system)
    except PortNotFound:
        return
    if choice.exists:
        assert there.count(choice.name) > choice.nth
    else:
        assert can_make
        assert choice == PortChoice(asked, exists=False)


@given(there=LISTINGS, system=SYSTEMS, data=st.data())
def test_a_full_name_that_only_one_port_has_finds_that_port(
    there: tuple[str, ...], system: str, data: st.DataObject
) -> None:
    assume(there)
    name = data.draw(st.sampled_from(there))
    shown = [unicodedata.normalize("NFC", other).strip() for other in there]
    assume(shown.count(unicodedata.normalize("NFC", name).strip()) == 1)
    for form in (name, unicodedata.normalize("NFD", name)):
        assert choose(form, there, can_make=False, system=system) == PortChoice(name, exists=True)


@given(first=LISTINGS, second=LISTINGS, asked=NAMES, system=SYSTEMS)
def test_the_order_of_the_ports_matters_to_places_only(
    first: tuple[str, ...], second: tuple[str, ...], asked: str, system: str
) -> None:
    assume("#" not in asked)
    there = first + second
    assume(len(set(there)) == len(there))
    found = []
    for names in (there, there[::-1]):
        try:
            found.append(choose(asked, names, can_make=True, system=system))
        except PortNotFound:
            found.append(None)
    assert found[0] == found[1]


@given(
    device=st.sampled_from(["Keys:Keys MIDI 1", "Pad é:Pad", "X:Y-2"]),
    before=st.integers(0, 200),
    after=st.integers(0, 200),
    others=st.lists(st.sampled_from(["Mixer:A 130:0", "Drums:B 140:1", "Box:C 16:0"]), unique=True).map(tuple),
)
def test_a_device_is_found_whatever_number_it_gets(
    device: str, before: int, after: int, others: tuple[str, ...]
) -> None:
    asked, now = f"{device} {before}:0", f"{device} {after}:0"
    assert choose(asked, (*others, now), can_make=False, system="ALSA").name == now
    again = found_again(asked, PortChoice(asked, exists=True), (*others, now), others, system="ALSA")
    assert again == PortChoice(now, exists=True)


@given(asked=NAMES, had=NAMES, there=LISTINGS, system=SYSTEMS, data=st.data())
def test_what_stood_by_all_the_time_is_never_found_again(
    asked: str, had: str, there: tuple[str, ...], system: str, data: st.DataObject
) -> None:
    stood_by = tuple(data.draw(st.lists(st.sampled_from(there), unique=True))) if there else ()
    try:
        found = found_again(asked, PortChoice(had, exists=True), there, stood_by, system=system)
    except PortNotFound:  # several are back
        found = None
    if found is not None:
        assert there.count(found.name) > stood_by.count(found.name)
        assert found.nth < there.count(found.name)
