"""A track as it leaves: on which port and channel, with which instrument, transposed and folded into which range."""

from __future__ import annotations

import difflib
from typing import NamedTuple

from accompanist.config import ServeConfig, TrackConfig
from accompanist.errors import ConfigError
from accompanist.music.spec import ModelSpec, TrackSpec

OCTAVE = 12
_PROGRAM_CHANGE, _CONTROL = 0xC0, 0xB0
_VOLUME, _PAN = 7, 10
_NONE_SENT = 0


class Part(NamedTuple):
    """How a track of the model leaves.

    Args:
        channel: MIDI channel, 0 to 15.
        port: Name of the port it leaves by, as it was asked for.
        program: General MIDI program, 0 to 127; None: none is sent.
        volume: Channel volume, 0 to 127; None: none is sent.
        pan: 0 left, 64 middle, 127 right; None: none is sent.
        transpose: Semitones added to every pitch.
        lowest: Lowest pitch that sounds.
        highest: Highest; at least an octave's eleven semitones above, so that every pitch class has a place.
        advance_s: How much earlier than due it leaves.
    """

    channel: int
    port: str = ""
    program: int | None = None
    volume: int | None = None
    pan: int | None = None
    transpose: int = 0
    lowest: int = 0
    highest: int = 127
    advance_s: float = 0.0

    def sounding(self, pitch: int) -> int:
        """The pitch that sounds for a planned one: transposed, then moved by octaves into the range."""
        pitch += self.transpose
        if pitch < self.lowest:
            return pitch + -((pitch - self.lowest) // OCTAVE) * OCTAVE
        if pitch > self.highest:
            return pitch - -((self.highest - pitch) // OCTAVE) * OCTAVE
        return pitch

    def setup(self) -> list[bytes]:
        """What readies the instrument: program, volume and pan, as far as they are set."""
        messages = []
        if self.program is not None:
            messages.append(bytes((_PROGRAM_CHANGE | self.channel, self.program)))
        messages += [
            bytes((_CONTROL | self.channel, controller, value))
            for controller, value in ((_VOLUME, self.volume), (_PAN, self.pan))
            if value is not None
        ]
        return messages


def parts_of(spec: ModelSpec, serve: ServeConfig) -> tuple[Part, ...]:
    """How each track of a model leaves, by the settings.

    Args:
        spec: The model's tracks, whose own channels and programs hold where nothing is set.
        serve: `out`, `split_ports`, `advance_ms` and `tracks`.

    Raises:
        ConfigError: a setting is for a track that the model does not have, or moves drums to other pitches.
    """
    names = [track.name for track in spec.tracks]
    for name in serve.tracks:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            raise ConfigError(
                f"serve.tracks.{name} is for no track of this model; its tracks: {', '.join(names)}"
                + (f"; the nearest is {near[0]}" if near else ""),
                hint="name one of its tracks in [serve.tracks.NAME]",
            )
    return tuple(_part(track, serve.tracks.get(track.name, TrackConfig()), serve) for track in spec.tracks)


def _check_drums(track: TrackSpec, its: TrackConfig) -> None:
    """Drums cannot be moved to other pitches.

    Raises:
        ConfigError: a setting would.
    """
    untouched = TrackConfig()
    for name in ("transpose", "lowest", "highest"):
        value, accepted = getattr(its, name), getattr(untouched, name)
        if track.is_drums and value != accepted:
            raise ConfigError(
                f"serve.tracks.{track.name}.{name} is {value}, but its notes are drums and no pitches; "
                f"accepted: {accepted}",
                hint=f"leave {name} out of [serve.tracks.{track.name}]",
            )


def _part(track: TrackSpec, its: TrackConfig, serve: ServeConfig) -> Part:
    _check_drums(track, its)
    program = track.program if its.program is None else its.program - 1
    return Part(
        channel=track.channel if its.channel is None else its.channel - 1,
        port=its.port or (f"{serve.band} {track.name}" if serve.split_ports else serve.band),
        program=None if its.program == _NONE_SENT else program,
        volume=its.volume,
        pan=its.pan,
        transpose=its.transpose,
        lowest=its.lowest,
        highest=its.highest,
        advance_s=(serve.advance_ms if its.advance_ms is None else its.advance_ms) / 1000,
    )
