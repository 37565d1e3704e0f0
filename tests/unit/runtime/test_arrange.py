from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tiny import TINY_SPEC

from accompanist.config import EngineConfig
from accompanist.errors import ConfigError, DataError
from accompanist.melodies import ODE_TO_JOY
from accompanist.music import midifile
from accompanist.music.note import Note, without_doubles
from accompanist.music.question import Question
from accompanist.music.song import MidiSong, MidiTrack
from accompanist.music.time import TempoMap
from accompanist.runtime.arrange import MOST_BEATS, Mode, Wish, arrange, free_channel
from accompanist.runtime.infer import Session

LIVE = EngineConfig()


@pytest.fixture(scope="module")
def session(tiny_model: Path) -> Session:
    return Session(tiny_model)


def song_of(
    notes: list[Note],
    *,
    ppq: int = 480,
    channel: int = 3,
    changes: tuple[tuple[int, int], ...] = ((0, 500_000),),
    meters: tuple[tuple[int, int, int], ...] = ((0, 4, 4),),
) -> MidiSong:
    return MidiSong((MidiTrack("Melodie", tuple(notes), 73, channel),), TempoMap(changes, ppq), meters)


def test_the_melody_comes_first_then_the_band_each_with_its_sound(session: Session) -> None:
    made = arrange(session, song_of(ODE_TO_JOY.notes()), LIVE)
    assert [(t.name, t.program, t.channel) for t in made.song.tracks] == [
        ("Melodie", 73, 3), ("bass", 33, 0), ("piano", 0, 1), ("strings", 48, 2),
    ]  # fmt: skip
    assert made.song.tracks[0].notes == tuple(ODE_TO_JOY.notes())
    assert made.bars == 16
    assert made.melody_name == "Melodie"
    assert all(track.notes for track in made.song.tracks)


@pytest.mark.parametrize("channel", [0, 1, 2, 3, 9, 15])
def test_no_two_tracks_share_a_channel_and_the_melody_keeps_its_own(session: Session, channel: int) -> None:
    song = song_of([Note(0, 60, 480)], channel=channel)
    channels = [track.channel for track in arrange(session, song, LIVE, melody_name="Melodie").song.tracks]
    assert channels[0] == channel
    assert len(set(channels)) == 4
    assert 9 not in channels[1:]


def test_free_channels() -> None:
    assert free_channel(()) == 0
    assert free_channel(set(range(9))) == 10  # channel 10 of the musicians, 9 here, is for drums
    assert free_channel(range(16)) == 0


def test_other_tracks_are_left_out_and_the_named_one_is_taken(session: Session) -> None:
    low, high = MidiTrack("Cello", (Note(0, 48, 480),)), MidiTrack("Flute", (Note(0, 72, 480),), 0, 1)
    made = arrange(session, MidiSong((low, high)), LIVE, melody_name="Cello")
    assert [track.name for track in made.song.tracks] == ["Cello", "bass", "piano", "strings"]
    with pytest.raises(DataError, match="Oboe"):
        arrange(session, MidiSong((low, high)), LIVE, melody_name="Oboe")


def test_the_meter_of_the_file_sets_the_bar_where_a_bar_is_whole_quarters(session: Session) -> None:
    """The band listens for two bars of four, from the first bar line on, and joins in on a beat: here at step 32."""
    for meter, bars, bar_steps in (((3, 4), 8, 12), ((6, 8), 8, 12), ((5, 8), 10, 10), ((2, 2), 6, 16)):
        notes = [Note(0, 60, bars * bar_steps * 120)]
        made = arrange(session, song_of(notes, meters=((0, *meter),)), LIVE)
        assert made.bars == bars
        assert made.song.meters == ((0, *meter),)
        assert made.song.tracks[1].notes[0].start_tick == 32 * 120


@pytest.mark.parametrize("mode", ["live", "file"])
@pytest.mark.parametrize(("meter", "beats"), [((0, 3, 4), 3), ((0, 6, 8), 3), ((0, 4, 4), 4)])
def test_a_model_with_codes_is_told_the_meter_of_the_file(
    live_model: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode, meter: tuple[int, int, int], beats: int
) -> None:
    session, asked = Session(live_model), list[Question]()
    run = session.run_in_place
    monkeypatch.setattr(session, "run_in_place", lambda question, **how: asked.append(question) or run(question, **how))
    made = arrange(session, song_of(ODE_TO_JOY.notes(), meters=(meter,)), LIVE, mode=mode)
    moments = [question.moment for question in asked if question.moment is not None]
    assert {moment.beats_per_bar for moment in moments} == {beats}
    step = 1 if mode == "live" else 8
    assert [moment.beat_in_bar for moment in moments] == [i * step % beats for i in range(len(moments))]
    assert [track.name for track in made.song.tracks] == ["Melodie", "bass", "piano", "strings", "drums"]
    assert made.song.tracks[4].channel == 9


def test_an_upbeat_and_a_late_beginning_keep_their_place(session: Session) -> None:
    notes = [note.shifted(4 * 1920 - 480) for note in ODE_TO_JOY.notes()]
    made = arrange(session, song_of(notes), LIVE, mode="file")
    assert made.song.tracks[0].notes == tuple(notes)
    assert made.song.tracks[1].notes[0].start_tick == notes[0].start_tick


def test_what_is_longer_than_any_song_is_refused(session: Session) -> None:
    with pytest.raises(DataError, match=f"up to {MOST_BEATS}"):
        arrange(session, song_of([Note(0, 60, (MOST_BEATS + 1) * 480)]), LIVE)


def test_an_empty_melody_is_refused(session: Session) -> None:
    with pytest.raises(DataError):
        arrange(session, song_of([]), LIVE)
    with pytest.raises(DataError):
        arrange(session, song_of([]), LIVE, melody_name="Melodie")


melodies = st.lists(
    st.tuples(st.floats(0, 40), st.integers(0, 127), st.floats(0.05, 6), st.integers(1, 127)), min_size=1, max_size=25
)
tempo_changes = st.dictionaries(st.floats(0.1, 50), st.integers(20_000, 2_000_000), max_size=6)
meter_changes = st.dictionaries(
    st.floats(0.1, 50), st.tuples(st.integers(1, 9), st.sampled_from([1, 2, 4, 8, 16])), max_size=3
)


@settings(max_examples=60, deadline=None)
@given(
    melody=melodies,
    tempo=tempo_changes,
    meters=meter_changes,
    ppq=st.one_of(st.sampled_from([1, 24, 96, 120, 480, 960, 19_200, 32_767]), st.integers(1, 32_767)),
    mode=st.sampled_from(["live", "file"]),
    seed=st.integers(0, 9),
)
def test_any_song_keeps_its_melody_tempo_and_meters_and_the_band_is_on_the_grid(
    session: Session,
    *,
    melody: list[tuple[float, int, float, int]],
    tempo: dict[float, int],
    meters: dict[float, tuple[int, int]],
    ppq: int,
    mode: Mode,
    seed: int,
) -> None:
    def ticks(beats: float) -> int:
        return int(beats * ppq)

    notes = [Note(ticks(at), pitch, ticks(at) + max(ticks(lasts), 1), loud) for at, pitch, lasts, loud in melody]
    song = song_of(
        without_doubles(notes),
        ppq=ppq,
        changes=tuple({0: 500_000, **{ticks(at): us for at, us in sorted(tempo.items())}}.items()),
        meters=tuple(
            (at, *meter) for at, meter in {0: (4, 4), **{ticks(at): m for at, m in sorted(meters.items())}}.items()
        ),
    )
    config = EngineConfig(seed=seed)
    made = arrange(session, song, config, mode=mode).song
    factor = made.ppq // song.ppq
    assert made.ppq == factor * song.ppq
    assert made.ppq % 4 == 0 or made.ppq * 4 > 32_767
    assert made.tempo.changes == tuple((tick * factor, us) for tick, us in song.tempo.changes)
    assert made.meters == tuple((tick * factor, beats, unit) for tick, beats, unit in song.meters)
    assert made.tracks[0].notes == tuple(
        note._replace(start_tick=note.start_tick * factor, end_tick=note.end_tick * factor)
        for note in song.tracks[0].notes
    )
    for track, played in zip(TINY_SPEC.tracks, made.tracks[1:], strict=True):
        assert list(played.notes) == without_doubles(list(played.notes))  # nothing sounds twice at once
        assert all(track.lowest <= note.pitch <= track.highest for note in played.notes)
        if made.ppq % 4 == 0:
            assert all(note.start_tick % (made.ppq // 4) == 0 for note in played.notes)
    rendered = midifile.render(made)
    assert midifile.render(arrange(session, song, config, mode=mode).song) == rendered
    assert midifile.parse(rendered) == made  # every note-on has its note-off


BASS, DRUMS = 1, 4
"""Places among the tracks of a song that the live model accompanies."""


@pytest.mark.parametrize("mode", ["live", "file"])
def test_the_band_plays_what_it_is_asked_for(live_model: Path, mode: Mode) -> None:
    styled = Session(live_model)
    song = song_of(ODE_TO_JOY.notes())
    plain = arrange(styled, song, EngineConfig(follow_density=False, rest_bars=0), mode=mode).song.tracks

    def asked(**wish: Any) -> tuple[MidiTrack, ...]:
        settings = EngineConfig(follow_density=False, rest_bars=0, seed=3)
        return arrange(styled, song, settings, mode=mode, wish=Wish(**wish)).song.tracks

    velocities = [{note.velocity for note in tracks[BASS].notes} for tracks in (plain, asked(style="folk"))]
    assert max(velocities[1]) > max(velocities[0])  # its style is the second, and told by the bass's loudness
    thin = asked(density=0.25)
    assert {note.start_tick % 480 for track in thin[1:] for note in track.notes} == {0}
    assert len(thin[2].notes) < len(plain[2].notes)
    assert {note.pitch for note in asked(temperature=0.0)[DRUMS].notes} == {
        38
    }  # noise of zero is not above zero: the snare alone
    assert {note.pitch for note in asked()[DRUMS].notes} == {36, 38}


@pytest.mark.parametrize(
    ("wish", "told"),
    [(Wish(style="polka"), "pop, folk"), (Wish(temperature=3), "0 to 2"), (Wish(density=-1), "0 to 1")],
)
def test_what_cannot_be_had_is_told_with_what_can(live_model: Path, wish: Wish, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        arrange(Session(live_model), song_of(ODE_TO_JOY.notes()), LIVE, wish=wish)
