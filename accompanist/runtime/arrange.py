"""A song in, the same song's melody with its accompaniment out: what `accompany` and `demo` share.

The file keeps its own tempo map, meters and melody; only its resolution may be refined, so that the sixteenths of the
accompaniment fall on whole ticks too.
"""

from __future__ import annotations

from collections.abc import Collection
from math import gcd
from typing import Literal, NamedTuple

import msgspec

from accompanist.config import EngineConfig
from accompanist.engine.controls import Desk, Refused, worded
from accompanist.engine.protocol import Command
from accompanist.errors import ConfigError, DataError
from accompanist.music.meters import Meters, bar_starts, meter_at
from accompanist.music.note import Note
from accompanist.music.song import DRUM_CHANNEL, MidiSong, MidiTrack, melody_track, rescaled
from accompanist.music.spec import ModelSpec
from accompanist.music.time import PPQ, STEPS_PER_BEAT
from accompanist.runtime.infer import Session
from accompanist.runtime.simulate import Performance, perform, perform_with_foresight

Mode = Literal["live", "file"]

HIGHEST_PPQ = 0x7FFF
"""A MIDI file has 15 bits for it (Standard MIDI Files 1.0, header chunk)."""
MOST_BEATS = 40_000
"""Five hours and more at most tempos: a longer file is damaged rather than music."""


class Wish(NamedTuple):
    """What the player asks of the band before the song, as with the controls while it plays.

    Args:
        density: 0 to 1: the share of a bar's sixteenths, heaviest first, on which the band may strike.
        temperature: 0 to 2: scales the model's noise; 0 always the same answer, 1 as trained.
        style: Name of one of the model's styles; empty: its first, where it has any.
    """

    density: float = 1.0
    temperature: float = 1.0
    style: str = ""

    def commands(self, spec: ModelSpec) -> list[Command]:
        """The same as commands.

        Raises:
            ConfigError: the model has no such style, or a number is out of range; it is said which there are.
        """
        turned: dict[str, object] = {"density": self.density, "temperature": self.temperature}
        if self.style:
            turned["style"] = self.style
        try:
            return [worded(name, None, value, spec) for name, value in turned.items()]
        except Refused as refused:
            accepted = f"; accepted: {', '.join(refused.accepted)}" if refused.accepted else ""
            raise ConfigError(f"{refused.message}{accepted}", hint="choose another value") from refused


AS_TRAINED = Wish()


class Arrangement(NamedTuple):
    """A melody and what was played to it.

    Args:
        song: The melody's track first, then the accompaniment's in the order of the model's tracks.
        melody_name: Name of the track that was taken as the melody.
        bars: How many bars the song lasts.
        performance: The accompaniment, in ticks of 1/480 quarter note, and what it cost.
    """

    song: MidiSong
    melody_name: str
    bars: int
    performance: Performance


def arrange(
    session: Session,
    song: MidiSong,
    settings: EngineConfig,
    *,
    mode: Mode = "live",
    melody_name: str | None = None,
    wish: Wish = AS_TRAINED,
) -> Arrangement:
    """Accompany a song.

    Args:
        session: The model.
        song: At any resolution; all its tracks but the melody are left out.
        settings: The engine's; the song's own meter goes before its `beats_per_bar`.
        mode: "live": as `serve` would have played; "file": with the whole melody known.
        melody_name: Track to take as the melody; None: the most likely one.
        wish: What the player asks of the band.

    Raises:
        ConfigError: the wish is for a style that the model does not have, or a number is out of range.
        DataError: there is no such track, or no note in it.
    """
    commands = wish.commands(session.spec)
    melody = song.tracks[melody_track(song, melody_name)]
    if not melody.notes:
        raise DataError(f"the track {melody.name!r} has no notes", hint="name another with --melody-track")
    coarse = rescaled(MidiSong(tracks=(melody,), tempo=song.tempo, meters=song.meters), PPQ)
    notes = coarse.tracks[0].notes
    last_tick = max(note.end_tick for note in notes)
    if last_tick > MOST_BEATS * PPQ:
        raise DataError(f"the melody lasts {last_tick // PPQ} beats; up to {MOST_BEATS} are accompanied")
    bars = bar_starts(coarse.meters, last_tick)
    settings = msgspec.structs.replace(settings, beats_per_bar=_beats_per_bar(coarse.meters, settings))
    if mode == "live":
        performance = perform(session, notes, coarse.tempo, settings, end_tick=bars[-1], commands=commands)
    else:
        desk = Desk(session.spec)
        for command in commands:
            desk.take(command)
        performance = perform_with_foresight(
            session, notes, seed=settings.seed, end_tick=bars[-1], beats_per_bar=settings.beats_per_bar, desk=desk
        )
    ppq = _ppq_for_both(song.ppq)
    fine = rescaled(MidiSong(tracks=(melody,), tempo=song.tempo, meters=song.meters), ppq)
    tracks = (*fine.tracks, *_accompaniment(session.spec, performance, melody.channel, ppq))
    return Arrangement(
        MidiSong(tracks=tracks, tempo=fine.tempo, meters=fine.meters), melody.name, len(bars) - 1, performance
    )


def _ppq_for_both(ppq: int) -> int:
    """The coarsest resolution at which both the file's own ticks and sixteenths are whole, where a file can hold it."""
    both = ppq * STEPS_PER_BEAT // gcd(ppq, STEPS_PER_BEAT)
    return both if both <= HIGHEST_PPQ else ppq


def _beats_per_bar(meters: Meters, settings: EngineConfig) -> int:
    """The first meter's bar in quarter notes, where the engine can count it."""
    beats, rest = divmod(meter_at(meters, 0).ticks_per_bar, PPQ)
    return beats if rest == 0 and 2 <= beats <= 12 else settings.beats_per_bar


def _accompaniment(spec: ModelSpec, performance: Performance, melody_channel: int, ppq: int) -> list[MidiTrack]:
    """The model's tracks, on their own channels but for the melody's, which it keeps."""
    spare = free_channel({melody_channel, *(track.channel for track in spec.tracks)})
    return [
        MidiTrack(
            name=track.name,
            notes=tuple(_at_ppq(note, ppq) for note in notes),
            program=track.program,
            channel=spare if track.channel == melody_channel else track.channel,
        )
        for track, notes in zip(spec.tracks, performance.notes, strict=True)
    ]


def free_channel(taken: Collection[int]) -> int:
    """The lowest MIDI channel, 0 to 15, that is neither taken nor for drums; 0 where none is left."""
    return next((channel for channel in range(16) if channel != DRUM_CHANNEL and channel not in taken), 0)


def _at_ppq(note: Note, ppq: int) -> Note:
    """A note of 1/480 quarter notes at another resolution; exact wherever sixteenths are."""
    start, end = (round(tick * ppq / PPQ) for tick in (note.start_tick, note.end_tick))
    return note._replace(start_tick=start, end_tick=max(end, start + 1))
