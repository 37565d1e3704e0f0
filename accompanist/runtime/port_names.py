"""Which port a name means, though systems number their ports anew from one boot to the next.

A name is read in this order, and the first reading that fits any port decides:

1. the port's full name, or its own name without its client's, to the letter;
2. the same, whatever its case, without the numbers the system put into it (`20:0`, `-01`, `2- `);
3. a part of the name, whatever its case.

Where several ports fit, `#2` behind the name takes the second of them, in the order in which they are listed; without
it the name is refused. Letters are compared as what they show: macOS writes an accent apart from its letter, Linux does
not.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Sequence

from accompanist.errors import PortNotFound
from accompanist.runtime.ports import PortChoice

OURS = "Accompanist"
"""A port whose name begins so is ours to make: nobody waits for another's under it."""
_LIST = "see the names with: accompanist ports"
_POSITION = re.compile(r"(?P<name>.*\S)\s*#(?P<position>[1-9]\d{0,2})")
_NUMBERS = {
    # The client's number and the port's; clients are numbered in the order in which they come.
    "ALSA": ((re.compile(r" \d+:\d+$"), ""),),
    "JACK": (
        (re.compile(r"^([^:]+)-\d{1,2}(?=:)"), r"\1"),  # a second client of one name is called "Synth-01"
        (re.compile(r" \[\d+\](?= \((?:capture|playback)\))"), ""),  # ALSA's client number, as a2jmidid shows it
    ),
    "Windows MM": (
        (re.compile(r" \d+$"), ""),  # rtmidi numbers the ports, to keep names apart
        (re.compile(r"(^|(?<=\())\d+- "), ""),  # a device that was put into another socket
    ),
}
"""What systems put into names that is another from one day to the next, and what is left of it."""
_WINDOWS_LENGTH = 28
"""Windows cuts names off at 31 characters, of which "2- " takes three."""


def choose(asked: str, there: Sequence[str], *, can_make: bool, system: str = "") -> PortChoice:
    """Which port a name means: one that is there, else a new virtual port of that name.

    Args:
        asked: What the user typed.
        there: Full names of the ports there are.
        can_make: Whether virtual ports can be made here (on Windows they cannot).
        system: Name of the MIDI system, which says what numbers its names hold.

    Raises:
        PortNotFound: the name is empty, several ports match, or none does and none can be made.
    """
    if not asked.strip():
        raise PortNotFound("the name of a MIDI port is empty", hint=_LIST)
    name, position = _parsed(asked, there)
    found = _matching(name, there, system)
    if position is not None and found:
        if position > len(found):
            raise PortNotFound(
                f"{asked!r} asks for port {position} of those that match {name!r}; there are: {_shown(there, found)}",
                hint=_LIST,
            )
        return _choice(there, found[position - 1])
    if len(found) > 1:
        raise PortNotFound(
            f"several MIDI ports match {asked!r}: {_shown(there, found)}; name one of them in full",
            hint=f'or say which of them by its place, such as "{asked} #1"; {_LIST}',
        )
    if found:
        return _choice(there, found[0])
    if can_make:
        return PortChoice(asked, exists=False)
    near = difflib.get_close_matches(asked, there, n=1, cutoff=0.4)
    nearest = f"; the nearest is {near[0]!r}" if near else ""
    raise PortNotFound(
        f"there is no MIDI port {asked!r}; there are: {', '.join(there) or 'none'}{nearest}",
        hint=f"make a port called {asked!r} with loopMIDI (Windows has no virtual ports of its own), then try again",
    )


def wanted(asked: str, there: Sequence[str], *, can_make: bool, waits: bool, system: str = "") -> PortChoice:
    """As `choose`; but who waits makes only ports of our own name, and takes any other as one that will come.

    Args:
        asked: What the user typed.
        there: Full names of the ports there are.
        can_make: Whether virtual ports can be made here.
        waits: Whether to wait for what is not there, or not clearly so.
        system: Name of the MIDI system.

    Raises:
        PortNotFound: the name is empty, or, where nobody waits, means no port.
    """
    if not waits or not asked.strip() or (can_make and asked.startswith(OURS)):
        return choose(asked, there, can_make=can_make, system=system)
    try:
        found = choose(asked, there, can_make=True, system=system)
    except PortNotFound:  # several, or too few: that may change
        return PortChoice(asked, exists=True)
    return found._replace(exists=True)


def found_again(
    asked: str, had: PortChoice, there: Sequence[str], stood_by: Sequence[str], *, system: str = ""
) -> PortChoice | None:
    """The port that was lost, now that it is back; None while it is not.

    Another port that fits the name just as well but was there all the time is never taken for it: it belongs to another
    player, or another sound.

    Args:
        asked: What the user typed.
        had: The port that was lost.
        there: Full names of the ports there are now.
        stood_by: Those that were there when it was lost and still are.
        system: Name of the MIDI system.

    Raises:
        PortNotFound: several that are back fit, and nothing says which of them is meant.
    """
    back = list(there)
    for name in stood_by:
        if name in back:
            back.remove(name)
    if had.name in back:
        return had._replace(nth=min(had.nth, there.count(had.name) - 1))
    name, _ = _parsed(asked, back)
    several: PortNotFound | None = None
    for called, among in ((name, back), (asked, there)):  # the place in the list counts where several are back at once
        try:
            found = choose(called, among, can_make=True, system=system)
        except PortNotFound as error:
            several = error if among is back else several
            continue
        if found.exists and found.name in back:
            return found._replace(nth=found.nth + there.count(found.name) - among.count(found.name))
    if several is not None:
        raise several
    return None


def _parsed(asked: str, there: Sequence[str]) -> tuple[str, int | None]:
    """A name and the place asked for, if one is; "Synth #2" may also be what a port is called."""
    match = _POSITION.fullmatch(asked)
    if match is None or any(_letters(asked) in (_letters(name), _of_client(_letters(name))) for name in there):
        return asked, None
    return match["name"], int(match["position"])


def _matching(asked: str, there: Sequence[str], system: str) -> list[int]:
    """Places of the ports that fit, by the strictest reading that fits any."""
    plain = _letters(asked)
    loose, steady = plain.casefold(), _steady(plain, system).casefold()
    readings: tuple[Callable[[str], bool], ...] = (
        lambda name: plain == name,
        lambda name: plain == _of_client(name),
        lambda name: loose in _whole_and_own(_steady(name, system).casefold()),
        lambda name: steady in _whole_and_own(_steady(name, system).casefold()),
        lambda name: loose in name.casefold(),
    )
    names = [_letters(name) for name in there]
    for fits in readings:
        if found := [i for i, name in enumerate(names) if fits(name)]:
            return found
    return []


def _choice(there: Sequence[str], place: int) -> PortChoice:
    name = there[place]
    return PortChoice(name, exists=True, nth=list(there[:place]).count(name))


def _shown(there: Sequence[str], found: Sequence[int]) -> str:
    return ", ".join(there[place] for place in found)


def _letters(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _steady(name: str, system: str) -> str:
    """A name without what changes from one boot to the next."""
    for numbers, left in _NUMBERS.get(system, ()):
        name = numbers.sub(left, name)
    return name[:_WINDOWS_LENGTH].rstrip() if system == "Windows MM" else name


def _whole_and_own(name: str) -> tuple[str, str]:
    return name, _of_client(name)


def _of_client(name: str) -> str:
    """A port's own name, without its client's."""
    return name.partition(":")[2]
