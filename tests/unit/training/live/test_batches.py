"""What the network is given to learn from."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

import numpy as np  # noqa: E402
from support.live_songs import coded_tune, in_numbers, tune  # noqa: E402

from training.live.batches import Pool, moved_chords, reading_of  # noqa: E402
from training.live.codes import UNKNOWN  # noqa: E402
from training.live.key import KeyFinder  # noqa: E402
from training.read import MELODY  # noqa: E402

DRUMS, DRUMS_LOUD = 4, 8


def test_a_stretch_is_the_song_from_a_beat_on_and_silence_after_its_end() -> None:
    song = coded_tune(bars=4)
    found = Pool([song], 12).stretches([(0, 8)])
    assert found.pitch[0, :8].tolist() == song.melody[8:].tolist()
    assert (found.pitch[0, 8:] == -1).all()
    assert found.codes[0, :8].tolist() == song.codes[8:].tolist()
    assert (found.codes[0, 8:] == UNKNOWN).all()
    assert found.place[0, :8].tolist() == [0, 1, 2, 3] * 2
    assert found.known.all()


def test_a_song_without_a_melody_is_unknown_and_not_silent() -> None:
    drums = in_numbers(tune(parts=("drums",)))
    assert not Pool([drums], 8).stretches([(0, 0)]).known.any()


def test_songs_are_taken_by_their_length_and_weight() -> None:
    songs = [coded_tune("long", bars=12, key=1), coded_tune("short", bars=4, key=2), coded_tune("never", key=3)]
    keys = Pool(songs, 8, np.array([1.0, 3.0, 0.0])).take(400, np.random.default_rng(0)).key[:, 0]
    assert {1, 2} >= set(keys.tolist())
    assert 0.4 < float((keys == 1).float().mean()) < 0.6  # 48 beats, and 16 that count three times


def test_a_drummer_is_put_under_songs_in_four_that_have_none_bar_on_bar() -> None:
    groove = in_numbers(tune(parts=("drums",), bars=5))
    song = in_numbers(tune(parts=(MELODY, "bass")))
    waltz = in_numbers(tune(parts=(MELODY, "bass"), meter=3))
    found = Pool([song, waltz], 12, grooves=[groove]).take(60, np.random.default_rng(0))
    with_drums = (found.codes[..., DRUMS] >= 0).all(dim=1)
    assert 5 < int(with_drums.sum()) < 30
    assert (found.meter[with_drums] == 4).all()
    on_one = groove.codes[0, DRUMS]
    for row in torch.nonzero(with_drums).flatten().tolist():
        down_beats = (found.place[row] % 2 == 0) & (found.codes[row, :, 0] >= 0)
        assert (found.codes[row, down_beats, DRUMS] == on_one).all()
    assert (found.codes[~with_drums][..., [DRUMS, DRUMS_LOUD]] == UNKNOWN).all()


def test_a_fill_is_no_groove() -> None:
    fill = in_numbers(tune(parts=("drums",), bars=2))
    waltz = in_numbers(tune(parts=("drums",), bars=9, meter=3))
    assert Pool([coded_tune()], 8, grooves=[fill, waltz]).grooves == []


def test_what_is_asked_is_what_was_played_and_never_what_is_given() -> None:
    draws = np.random.default_rng(3)
    seen = 0
    for _ in range(20):
        stretch = Pool([coded_tune(key=2), coded_tune(key=9, meter=3, seed=2)], 16).take(4, draws)
        found = reading_of(stretch, KeyFinder().eval(), draws)
        codes = moved_chords(stretch.codes, found.setting.key)
        given, asked = found.given >= 0, found.target >= 0
        assert not (given & asked).any()
        assert torch.equal(torch.where(given, found.given, found.target), codes)
        shown = found.said[:, 1:] >= 0
        assert torch.equal(found.said[:, 1:][shown], codes[:, :-1][shown])
        assert (found.said[:, 0] == UNKNOWN).all()
        seen += int(given.any()) + int(shown.any()) + int((~shown).any()) + int(found.heard.ahead_known.any())
    assert seen > 40  # all of it comes


def test_the_same_draws_make_the_same_batch() -> None:
    pool = Pool([coded_tune(key=2), coded_tune(key=9, meter=3, seed=2)], 16, grooves=[coded_tune()])
    keys = KeyFinder().eval()
    one, other = (
        reading_of(pool.take(4, draws), keys, draws) for draws in (np.random.default_rng(5) for _ in range(2))
    )
    for first, second in ((one.said, other.said), (one.target, other.target), (one.heard.before, other.heard.before)):
        assert torch.equal(first, second)


def test_no_key_moves_what_is_no_chord() -> None:
    codes = torch.from_numpy(replace(coded_tune(), style=0).codes.astype(np.int64))[None]
    codes[0, 0, 0], codes[0, 1, 0] = UNKNOWN, 12 * 9
    moved = moved_chords(codes, torch.full((1, 32), 5))
    assert moved[0, :2, 0].tolist() == [UNKNOWN, 12 * 9]
    assert torch.equal(moved[..., 1:], codes[..., 1:])
