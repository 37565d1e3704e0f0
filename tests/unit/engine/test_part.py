from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.live import LIVE_SPEC
from support.tiny import TINY_SPEC

from accompanist.config import ServeConfig, TrackConfig
from accompanist.engine.part import OCTAVE, Part, parts_of
from accompanist.errors import ConfigError


def parts(**tracks: TrackConfig) -> tuple[Part, ...]:
    return parts_of(TINY_SPEC, ServeConfig(band="DAW", tracks=tracks))


def test_without_settings_a_track_leaves_as_the_model_says() -> None:
    assert parts() == (Part(0, "DAW", program=33), Part(1, "DAW", program=0), Part(2, "DAW", program=48))


def test_settings_are_laid_over_the_models_own() -> None:
    bass = TrackConfig(channel=10, program=1, volume=90, pan=0, transpose=-12, lowest=24, highest=47, port="Rack")
    assert parts(bass=bass)[0] == Part(9, "Rack", 0, 90, 0, -12, 24, 47)
    assert parts(bass=bass)[1:] == parts()[1:]


def test_split_ports_are_named_after_their_tracks_but_for_those_that_have_one_of_their_own() -> None:
    serve = ServeConfig(band="DAW", split_ports=True, tracks={"piano": TrackConfig(port="Grand")})
    assert [part.port for part in parts_of(TINY_SPEC, serve)] == ["DAW bass", "Grand", "DAW strings"]


def test_a_track_leaves_as_much_earlier_as_it_says_else_as_all_do() -> None:
    serve = ServeConfig(advance_ms=20, tracks={"piano": TrackConfig(advance_ms=0), "bass": TrackConfig(advance_ms=50)})
    assert [part.advance_s for part in parts_of(TINY_SPEC, serve)] == [0.05, 0.0, 0.02]


def test_settings_for_a_track_the_model_does_not_have_are_refused_with_its_tracks() -> None:
    with pytest.raises(ConfigError, match=r"serve.tracks.string is for no track .* bass, piano, strings; the nearest"):
        parts(string=TrackConfig())


def test_an_instrument_is_readied_as_far_as_it_is_set() -> None:
    assert parts()[0].setup() == [b"\xc0\x21"]
    assert parts(bass=TrackConfig(program=0))[0].setup() == []  # none is sent
    full = parts(strings=TrackConfig(channel=4, program=128, volume=0, pan=127))[2]
    assert full.setup() == [b"\xc3\x7f", b"\xb3\x07\x00", b"\xb3\x0a\x7f"]


RANGES = st.integers(0, 127 - 11).flatmap(lambda low: st.tuples(st.just(low), st.integers(low + 11, 127)))


@given(pitch=st.integers(0, 127), transpose=st.integers(-48, 48), bounds=RANGES)
def test_what_sounds_is_in_range_and_keeps_its_pitch_class(pitch: int, transpose: int, bounds: tuple[int, int]) -> None:
    lowest, highest = bounds
    part = Part(0, transpose=transpose, lowest=lowest, highest=highest)
    sounds = part.sounding(pitch)
    assert lowest <= sounds <= highest
    assert (sounds - pitch - transpose) % OCTAVE == 0
    if lowest <= pitch + transpose <= highest:
        assert sounds == pitch + transpose
    else:  # no farther than it must
        nearest = min((lowest, highest), key=lambda bound: abs(bound - pitch - transpose))
        assert abs(sounds - nearest) < OCTAVE


@pytest.mark.parametrize(("name", "value", "accepted"), [("transpose", 12, 0), ("lowest", 40, 0), ("highest", 60, 127)])
def test_drums_are_moved_to_no_other_pitch(name: str, value: int, accepted: int) -> None:
    told = rf"serve.tracks.drums.{name} is {value}, but its notes are drums and no pitches; accepted: {accepted}"
    with pytest.raises(ConfigError, match=told):
        parts_of(LIVE_SPEC, ServeConfig(tracks={"drums": TrackConfig(**{name: value})}))


def test_drums_go_elsewhere_and_louder_as_any_track_does() -> None:
    drums = parts_of(LIVE_SPEC, ServeConfig(tracks={"drums": TrackConfig(channel=2, volume=90)}))[3]
    assert (drums.channel, drums.volume, drums.sounding(36)) == (1, 90, 36)
