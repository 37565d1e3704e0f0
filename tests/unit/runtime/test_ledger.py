from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from accompanist.runtime.ledger import ALL_NOTES_OFF, SUSTAIN, Ledger

MESSAGES = st.tuples(
    st.sampled_from([0x80, 0x90, 0xB0, 0xC0, 0xF8]), st.integers(0, 2), st.integers(60, 62), st.integers(0, 2)
)


@given(st.lists(st.tuples(MESSAGES, st.booleans()), max_size=60))
def test_it_ends_what_a_listener_holds_and_nothing_else(course: list[tuple[tuple[int, int, int, int], bool]]) -> None:
    ledger, held, used = Ledger(), set(), set()
    for (kind, channel, pitch, velocity), heard in course:
        data = bytes((kind,)) if kind == 0xF8 else bytes((kind | channel, pitch, velocity))
        ledger.note(data, heard=heard)
        if kind != 0xF8:
            used.add(channel)
        if heard and kind == 0x90 and velocity:
            held.add((channel, pitch))
        elif heard and kind in (0x80, 0x90):
            held.discard((channel, pitch))
    assert ledger.channels == sorted(used)
    ends = ledger.ends()
    assert ends == [bytes((0x80 | channel, pitch, 64)) for channel, pitch in sorted(held)]
    for data in ends:
        ledger.note(data)
    assert ledger.ends() == []


def test_an_end_that_may_have_gone_nowhere_is_told_again_until_the_listener_was_seen_twice() -> None:
    ledger = Ledger(unsure=True)
    ledger.note(b"\x91\x3c\x40")
    ledger.note(b"\x81\x3c\x00")
    assert ledger.ends() == [b"\x81\x3c\x40"]
    ledger.sure()
    assert ledger.ends() == [b"\x81\x3c\x40"]
    ledger.sure()
    assert ledger.ends() == []


def test_it_quiets_the_channels_used() -> None:
    ledger = Ledger()
    ledger.note(b"\x93\x3c\x40", heard=False)
    ledger.note(b"\xc1\x05")
    assert ledger.quiet(SUSTAIN, ALL_NOTES_OFF) == [
        b"\xb1\x40\x00", b"\xb1\x7b\x00", b"\xb3\x40\x00", b"\xb3\x7b\x00",
    ]  # fmt: skip
    assert ledger.ends() == []
