"""What a listener was sent and still holds: the notes that sound there, and the channels that were ever used.

Threads: one sends and notes; another may ask meanwhile, because a set is read in one go.
"""

from __future__ import annotations

from accompanist.engine.schedule import RELEASE_VELOCITY

SUSTAIN, ALL_NOTES_OFF = 64, 123
_NOTE_OFF, _NOTE_ON, _CONTROL, _SYSTEM = 0x80, 0x90, 0xB0, 0xF0


class Ledger:
    """Begins empty: nothing sounds.

    Args:
        unsure: What was sent may have gone nowhere, and that is seen only later: ends count once `sure` was said.
    """

    def __init__(self, *, unsure: bool = False) -> None:
        self._unsure = unsure
        self._sounding: set[tuple[int, int]] = set()  # channel and pitch: sent on, not yet off
        self._ended: set[tuple[int, int]] = set()  # sent off since the listener was last known to be there
        self._ended_before: set[tuple[int, int]] = set()  # and since the time before that
        self._channels: set[int] = set()

    @property
    def channels(self) -> list[int]:
        """Channels that anything was meant for, 0 to 15, ascending."""
        return sorted(self._channels)

    def note(self, data: bytes, *, heard: bool = True) -> None:
        """A message was sent.

        Args:
            data: The raw bytes.
            heard: Whether the listener was there; else only its channel counts.
        """
        if data[0] >= _SYSTEM:  # a clock's: of no channel
            return
        kind, channel = data[0] & 0xF0, data[0] & 0x0F
        self._channels.add(channel)
        if not heard:
            return
        if kind == _NOTE_ON and data[2] > 0:
            self._sounding.add((channel, data[1]))
        elif kind in (_NOTE_ON, _NOTE_OFF):
            self._sounding.discard((channel, data[1]))
            if self._unsure:
                self._ended.add((channel, data[1]))

    def sure(self) -> None:
        """The listener is there by now; so it was when this was said before, and all between."""
        self._ended_before, self._ended = self._ended, set()

    def ends(self) -> list[bytes]:
        """A note-off for each note that sounds, or may: they sound until `note` is told of these as well."""
        sounding = sorted(self._sounding | self._ended | self._ended_before)
        return [bytes((_NOTE_OFF | channel, pitch, RELEASE_VELOCITY)) for channel, pitch in sounding]

    def quiet(self, *controllers: int) -> list[bytes]:
        """Controllers at 0 on every channel used: `ALL_NOTES_OFF`, `SUSTAIN`."""
        return [bytes((_CONTROL | channel, controller, 0)) for channel in self.channels for controller in controllers]
