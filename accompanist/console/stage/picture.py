"""What a stage page shows of a performance, kept from its records: bounded, however long it lasts.

Everything the page is told is an item: a list whose first entry is its kind. Items are numbered as they come; a page
that has seen up to a number asks for those after it, and one that comes new, or was away for too long, gets all that
are kept. The kinds:

    ["performance", facts]                        a performance begins; everything before is void
    ["jump"]                                      the song goes on from another place: what was drawn is void
    ["on", track, pitch, tick, velocity]          a note begins; track -1 is the player's own
    ["off", track, pitch, tick]
    ["plan", from_tick, notes, chords, from]      what is about to sound, in place of all that was said from that tick
                                                  on: [[track, pitch, start, end]]; and the chords, those of muted
                                                  tracks too, from another tick on: [[start, end, name]]
    ["beat", tick, source, age_steps, isr]        it was settled what a beat plays
    ["lateness", at_s, ms]                        the latest message of a second
    ["inference", at_s, ms, outcome]
    ["event", at_s, name, detail]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from accompanist.engine.player import ALL_NOTES_OFF, ALL_SOUND_OFF, CONTROL, NOTE_OFF, NOTE_ON
from accompanist.music.chord_names import named_chords
from accompanist.music.note import Note
from accompanist.music.time import PPQ
from accompanist.runtime.log_records import (
    AheadRecord,
    BeatRecord,
    End,
    EventRecord,
    Header,
    HeardRecord,
    MessageRecord,
    PlanRecord,
    Record,
)

Item = list[Any]
MOST_STROKES = 3000
"""Beginnings and ends of notes that are kept for a page that comes new: more than any screen shows."""
MOST_METERED = 300
"""Points of each meter's history: five minutes of seconds, or that many beats and answers."""
MOST_EVENTS = 40
MOST_PLANNED_BEATS = 64
"""No model plans further ahead."""
BEHIND_BEATS = 8
"""So much of what was played is looked at to name the chords of the plan after it."""
_JUMPS = ("start", "position")
_QUIET_EVENTS = ("job", "answer", "late_answer", "dropped_answer", "fallback_rest", "fallback_hold", "fallback_silence")
"""Told by other items, or by meters."""


class _Numbered(NamedTuple):
    number: int
    item: Item


class StagePicture:
    """The state of a stage page.

    Args:
        drums: Names of the tracks whose pitches are drums: they spell no harmony.
        number: Items are numbered from behind this one on.
    """

    def __init__(self, drums: Iterable[str] = (), *, number: int = 0) -> None:
        self._drums_by_name = frozenset(drums)
        self.number = number
        """Of the last item."""
        self._header: Header | None = None
        self._drums: set[int] = set()
        self._clear_all()

    def take(self, record: Record) -> None:
        """What the log told."""
        match record:
            case Header():
                self._clear_all()
                self._header = record
                self._drums = {i for i, name in enumerate(record.tracks) if name in self._drums_by_name}
                self._tell("performance", "performance", _facts(record))
            case MessageRecord():
                self._message(record)
            case HeardRecord():
                self._stroke(-1, record.data, record.tick)
            case AheadRecord():
                self._ahead(record)
            case PlanRecord():
                inference_ms = round(1000 * record.inference_s, 3)
                self._tell("inference", "inference", record.at_s, inference_ms, record.outcome)
            case BeatRecord():
                self._tell("beats", "beat", record.tick, record.source, record.age_steps, record.isr)
            case EventRecord():
                self._happened(record)
            case End():
                self._tell("events", "event", record.at_s, "ended", record.lost or f"exit code {record.exit_code}")

    def since(self, number: int) -> tuple[list[Item], bool]:
        """Items after a number, in their order.

        Returns:
            The items, and whether they are all there is instead: some after that number are not kept any more.
        """
        whole = not self._lost_up_to <= number <= self.number
        found = [each for kept in self._kept.values() for each in kept if whole or each.number > number]
        return [each.item for each in sorted(found, key=lambda each: each.number)], whole

    def __len__(self) -> int:
        """How much is kept."""
        return sum(map(len, self._kept.values())) + len(self._sounding) + len(self._past) + len(self._plan)

    # --- what is kept ---

    def _clear_all(self) -> None:
        self._kept: dict[str, deque[_Numbered]] = {
            "performance": deque(maxlen=1),
            "strokes": deque(maxlen=MOST_STROKES),
            "plan": deque(maxlen=1),
            "beats": deque(maxlen=MOST_METERED),
            "lateness": deque(maxlen=MOST_METERED),
            "inference": deque(maxlen=MOST_METERED),
            "events": deque(maxlen=MOST_EVENTS),
        }
        self._header = None
        self._drums = set()
        self._lateness: tuple[int, float] | None = None  # the present second, and its latest message in ms
        self._lost_up_to = self.number  # a page that has seen no more than this needs all there is
        self._forget_music()

    def _forget_music(self) -> None:
        self._kept["strokes"].clear()
        self._kept["plan"].clear()
        self._sounding: dict[tuple[int, int], Note] = {}
        self._past: deque[tuple[int, Note]] = deque(maxlen=MOST_STROKES // 2)  # (track, note) that have ended
        self._plan: list[tuple[int, int, int, int]] = []

    def _tell(self, where: str, *item: Any) -> None:
        self.number += 1
        kept = self._kept[where]
        if len(kept) == kept.maxlen and where != "plan":  # an older plan is of no use to anybody
            self._lost_up_to = max(self._lost_up_to, kept[0].number)
        kept.append(_Numbered(self.number, list(item)))

    def _jumped(self) -> None:
        self._forget_music()
        self._tell("strokes", "jump")

    def _happened(self, record: EventRecord) -> None:
        if record.name in _JUMPS:
            self._jumped()
        if record.name not in _QUIET_EVENTS:
            self._tell("events", "event", record.at_s, record.name, record.detail)

    # --- notes ---

    def _message(self, record: MessageRecord) -> None:
        late_ms = 1000 * (record.at_s - record.due_s)
        second = int(record.at_s)
        if self._lateness is not None and self._lateness[0] == second:
            self._lateness = second, max(self._lateness[1], late_ms)
        else:
            if self._lateness is not None:
                self._tell("lateness", "lateness", self._lateness[0], round(self._lateness[1], 3))
            self._lateness = second, late_ms
        if record.track >= 0:  # below: clicks, the clock, and the melody sent on, which was heard already
            self._stroke(record.track, record.data, record.tick)

    def _stroke(self, track: int, text: str, tick: int) -> None:
        try:
            data = bytes.fromhex(text)
        except ValueError:  # a damaged log
            return
        if len(data) != 3:
            return
        kind, (_, pitch, velocity) = data[0] & 0xF0, data
        if kind == CONTROL and (pitch == ALL_SOUND_OFF or pitch >= ALL_NOTES_OFF):
            for its_track, its_pitch in [key for key in self._sounding if key[0] == track]:
                self._ended(its_track, its_pitch, tick)
        elif kind == NOTE_ON and velocity > 0:
            self._ended(track, pitch, tick)
            self._sounding[track, pitch] = Note(tick, pitch, tick + 1, velocity)
            self._tell("strokes", "on", track, pitch, tick, velocity)
        elif kind in (NOTE_ON, NOTE_OFF):
            self._ended(track, pitch, tick)

    def _ended(self, track: int, pitch: int, tick: int) -> None:
        note = self._sounding.pop((track, pitch), None)
        if note is not None:
            self._past.append((track, note._replace(end_tick=max(tick, note.start_tick + 1))))
            self._tell("strokes", "off", track, pitch, tick)

    # --- what is ahead ---

    def _ahead(self, record: AheadRecord) -> None:
        flat = iter(record.notes)
        from_tick = record.from_tick
        most_tick = from_tick + MOST_PLANNED_BEATS * PPQ  # a damaged log may say anything
        new = [
            (track, pitch, start, min(end, most_tick))
            for track, pitch, start, end in zip(flat, flat, flat, flat, strict=False)
            if abs(start - from_tick) < MOST_PLANNED_BEATS * PPQ
        ]
        # What was said before is void from there on; what nobody can see any more goes.
        behind_tick = from_tick - BEHIND_BEATS * PPQ
        before = [
            (track, pitch, start, min(end, from_tick))
            for track, pitch, start, end in self._plan
            if start < from_tick and end > behind_tick
        ]
        self._plan = [*before, *(note for note in new if note[2] >= from_tick and note[0] not in record.silent)]
        chords_from = max(behind_tick, 0) // PPQ * PPQ
        self._tell("plan", "plan", from_tick, self._plan, self._chords(chords_from, from_tick, new), chords_from)

    def _chords(
        self, begin_tick: int, from_tick: int, planned: list[tuple[int, int, int, int]]
    ) -> list[tuple[int, int, str]]:
        """What was played, then what is planned, named."""
        played = [(track, note) for track, note in self._past if note.end_tick > begin_tick]
        played += [(track, note._replace(end_tick=from_tick)) for (track, _), note in self._sounding.items()]
        band = [note for track, note in played if track >= 0 and track not in self._drums]
        band += [Note(start, pitch, end) for track, pitch, start, end in planned if track not in self._drums]
        melody = [note for track, note in played if track < 0]
        end_tick = max((note.end_tick for note in band), default=begin_tick)
        beats_per_bar = self._header.beats_per_bar if self._header is not None else 4
        found = named_chords(band, begin_tick, end_tick, beats_per_bar=beats_per_bar, around=melody)
        return [(chord.tick, chord.end_tick, chord.name) for chord in found]


def _facts(header: Header) -> dict[str, Any]:
    """What a page shows of a performance's beginning."""
    return {
        "started": header.started,
        "model": header.model,
        "tracks": header.tracks,
        "provider": header.provider,
        "system": header.system,
        "melody_port": header.melody_port,
        "clock_port": header.clock_port,
        "band_ports": header.band_ports,
        "follows_clock": header.follows_clock,
        "link": header.link,
        "beats_per_bar": header.beats_per_bar,
    }
