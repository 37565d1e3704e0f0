"""What the player plays: whose messages count, what they add to the bar buffer, and what is sent on (thru)."""

from __future__ import annotations

from accompanist.engine.bars import BarBuffer
from accompanist.engine.left_hand import LeftHand
from accompanist.engine.protocol import Message, Received
from accompanist.engine.schedule import RELEASE_VELOCITY

THRU_TRACK = -1
"""The track of the player's own messages sent on."""
NOTE_OFF, NOTE_ON, CONTROL = 0x80, 0x90, 0xB0
FIRST_SYSTEM = 0xF0
"""Status bytes from here on belong to no channel: clock, start, stop, song position (MIDI 1.0)."""
SUSTAIN, PEDAL_DOWN = 64, 64
"""The pedal's controller, and the value from which on it holds what sounds, beyond every note-off (MIDI 1.0)."""
PLAYERS_PORT = "in"
"""The role of the port the player is heard on."""
ALL_SOUND_OFF, ALL_NOTES_OFF = 120, 123
"""Channel mode messages that end every note of a channel; 124 to 127 do as well (MIDI 1.0)."""


class Player:
    """The musician at the in port.

    Args:
        bars: Takes down the melody.
        left_hand: Takes down the keys below the split point.
        channel: MIDI channel listened to, 1 to 16; 0: any.
        thru: Send the messages on.
    """

    def __init__(self, bars: BarBuffer, left_hand: LeftHand, *, channel: int, thru: bool) -> None:
        self._bars = bars
        self._left_hand = left_hand
        self._channel = channel
        self._thru = thru
        self._thru_held: set[tuple[int, int]] = set()  # (channel, pitch) of notes sent on and not ended
        self._thru_pedals: set[int] = set()  # channels whose pedal is down
        self._channels: set[int] = set()  # channels ever played on
        self.notes_in = 0

    def owns(self, received: Received) -> bool:
        """It is a whole channel message, and the player's."""
        if received.from_clock or received.from_control or not is_channel_message(received.data):
            return False
        return self._channel in (0, (received.data[0] & 0x0F) + 1)

    def hear(self, data: bytes, tick: int, at_s: float) -> list[Message]:
        """Take a message of the player's down.

        Args:
            data: As `owns` approved it.
            tick: Where the song is.
            at_s: When it arrived.

        Returns:
            What to send on at once.
        """
        kind, channel = data[0] & 0xF0, data[0] & 0x0F
        if begins_note(data):
            self.notes_in += 1
            self._channels.add(channel)
            if self._left_hand.owns(data[1]):
                self._left_hand.note_on(channel, data[1], tick)
            else:
                self._bars.note_on(channel, data[1], data[2], tick)
            self._thru_held.add((channel, data[1]))
        elif kind in (NOTE_OFF, NOTE_ON):  # a note-on with velocity 0 is a note-off
            (self._left_hand if self._left_hand.owns(data[1]) else self._bars).note_off(channel, data[1], tick)
            self._thru_held.discard((channel, data[1]))
        elif kind == CONTROL and data[1] == SUSTAIN:
            if data[2] >= PEDAL_DOWN:
                self._thru_pedals.add(channel)
            else:
                self._thru_pedals.discard(channel)
        elif tells_of_notes(data):
            self._bars.all_off(channel, tick)
            self._left_hand.all_off(channel, tick)
            self._thru_held = {key for key in self._thru_held if key[0] != channel}
        return [Message(at_s, THRU_TRACK, data, tick)] if self._thru else []

    def let_go(self, at_s: float, tick: int) -> list[Message]:
        """Every key and pedal is taken as let go: the keyboard they belong to is gone."""
        for channel in sorted(self._channels):
            self._bars.all_off(channel, tick)
            self._left_hand.all_off(channel, tick)
        return self.release(at_s, tick)

    def panic(self, at_s: float, tick: int) -> list[Message]:
        """Every key is taken as let go, and every channel that was sent on is told to end its notes."""
        messages = self.let_go(at_s, tick)
        ends = [bytes((CONTROL | channel, ALL_NOTES_OFF, 0)) for channel in sorted(self._channels)]
        return messages + [Message(at_s, THRU_TRACK, data, tick) for data in ends if self._thru]

    def release(self, at_s: float, tick: int) -> list[Message]:
        """Note-offs for the notes sent on that the player still holds, and pedals up: nobody will send theirs."""
        ends = [bytes((NOTE_OFF | channel, pitch, RELEASE_VELOCITY)) for channel, pitch in sorted(self._thru_held)]
        ends += [bytes((CONTROL | channel, SUSTAIN, 0)) for channel in sorted(self._thru_pedals)]
        self._thru_held, self._thru_pedals = set(), set()
        return [Message(at_s, THRU_TRACK, data, tick) for data in ends if self._thru]


def is_channel_message(data: bytes) -> bool:
    """A whole message of a channel: notes, controllers, programs, bends (MIDI 1.0)."""
    if not data or not 0x80 <= data[0] < FIRST_SYSTEM:
        return False
    length = 2 if data[0] & 0xE0 == 0xC0 else 3  # program change and channel pressure have one data byte
    return len(data) == length and max(data[1:]) < 0x80


def tells_of_notes(data: bytes) -> bool:
    """It begins or ends notes: no wheel, pedal or pressure, of which a keyboard may send hundreds a second."""
    ends_all = data[0] & 0xF0 == CONTROL and (data[1] == ALL_SOUND_OFF or data[1] >= ALL_NOTES_OFF)
    return data[0] & 0xF0 in (NOTE_OFF, NOTE_ON) or ends_all


def begins_note(data: bytes) -> bool:
    """A note-on that is not a note-off in disguise."""
    return data[0] & 0xF0 == NOTE_ON and data[2] > 0
