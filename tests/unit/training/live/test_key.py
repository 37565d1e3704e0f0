"""The key that a melody suggests."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

import numpy as np  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from support.live_songs import coded_tune  # noqa: E402

from training.live.batches import Pool, Stretch, assumed_key, melody_of  # noqa: E402
from training.live.codes import UNKNOWN  # noqa: E402
from training.live.key import KeyFinder, Melody, heard_classes  # noqa: E402
from training.live.key_learning import key_loss, turning  # noqa: E402

BEATS = 16
CPU = torch.device("cpu")


def finder() -> KeyFinder:
    """One that has learnt nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return KeyFinder().eval()


def stretch(beats: int = BEATS) -> Stretch:
    """Two songs."""
    pool = Pool([coded_tune(key=2, seed=1), coded_tune(key=9, meter=3, seed=2)], beats)
    return pool.stretches([(0, 0), (1, 3)])


def melody() -> Melody:
    """Of the two songs."""
    return melody_of(stretch(), CPU)


@settings(max_examples=20, deadline=None)
@given(st.integers(-24, 24), st.booleans())
def test_a_melody_sung_higher_is_heard_as_much_higher(by: int, foresight: bool) -> None:
    heard = melody()
    higher = heard._replace(pitch=torch.where(heard.pitch >= 0, heard.pitch + by, -1))
    with torch.no_grad():
        before = finder().logits_heard(heard, missing_steps=1, foresight=foresight)
        after = finder().logits_heard(higher, missing_steps=1, foresight=foresight)
    assert torch.allclose(after, before.roll(by, dims=-1), atol=1e-5)


@pytest.mark.parametrize("missing_steps", [0, 1])
def test_the_key_at_each_beat_is_that_of_what_was_heard_before_it(missing_steps: int) -> None:
    heard, beats = melody(), torch.arange(BEATS)
    found = finder().keys_heard(heard, missing_steps=missing_steps)
    for beat in range(1, BEATS):
        known = heard.known.clone()
        known[:, beat:] = False
        known[:, beat - 1, 4 - missing_steps :] = False
        now = finder().evidence(heard._replace(known=known))
        assert torch.equal(found[:, beat], finder().key_at(now, beat - 1 - beats))
    whole = finder().keys_heard(heard, foresight=True)
    assert torch.equal(whole[:, 5], finder().key_at(finder().evidence(heard), (4 - beats).abs()))


def test_silence_is_in_c_and_beats_without_an_age_count_nothing() -> None:
    heard = melody()
    silent = heard._replace(pitch=torch.full_like(heard.pitch, -1))
    assert not finder().keys_heard(silent).any()
    assert not finder().keys_heard(heard)[:, 0].any()
    ages = torch.where(torch.arange(BEATS) < 8, 7 - torch.arange(BEATS), -1)
    half = heard._replace(known=heard.known & (torch.arange(BEATS) < 8)[None, :, None])
    assert torch.equal(finder().key_at(finder().evidence(heard), ages), finder().key_at(finder().evidence(half), ages))


def test_it_learns_keys_and_turns() -> None:
    songs = stretch()
    learning = finder().train()
    adam = torch.optim.Adam(learning.parameters(), 1e-2)
    costs = []
    for seed in range(60):
        loss = key_loss(learning, songs, np.random.default_rng(seed))
        adam.zero_grad()
        torch.autograd.backward(loss)
        adam.step()
        costs.append(float(loss.detach()))
    assert costs[0] > 2.0  # nats: hardly better than the 2.48 of a guess
    assert np.mean(costs[-10:]) < 0.5
    found = learning.eval().keys_heard(melody())
    assert (found[:, 8:] == songs.key[:, 8:]).float().mean() > 0.9


def test_a_song_turns_as_a_whole() -> None:
    songs, turns = stretch(64), 0
    for seed in range(8):
        turned, key = turning(songs, np.random.default_rng(seed))
        moved = (key - songs.key) % 12
        assert torch.equal(turned.pitch >= 0, songs.pitch >= 0)
        for row in range(2):
            by, at = int(moved[row].amax()), int((moved[row] == 0).sum())
            turns += by > 0
            assert (moved[row, at:] == by).all()
            later, sounds = slice(at, None), songs.pitch[row, at:] >= 0
            assert ((turned.pitch[row, later] - songs.pitch[row, later])[sounds] % 12 == by).all()
            assert torch.equal(turned.pitch[row, :at], songs.pitch[row, :at])
    assert 0 < turns < 16


def test_what_nobody_harmonised_costs_nothing() -> None:
    songs = stretch()
    nobody = songs._replace(codes=torch.full_like(songs.codes, UNKNOWN))
    assert key_loss(finder(), nobody, np.random.default_rng(0)) == 0


def test_the_key_assumed_is_mostly_what_is_heard_and_without_a_melody_the_songs_own() -> None:
    songs = stretch()
    draws = np.random.default_rng(0)
    found = torch.stack([assumed_key(songs, finder(), draws) for _ in range(50)])
    heard = finder().keys_heard(melody())
    in_some = (found[:, :, None] == heard[None]).any(dim=-1)
    assert 0.8 < in_some.float().mean() <= 1.0
    unsung = songs._replace(known=torch.zeros_like(songs.known))
    assert (assumed_key(unsung, finder(), np.random.default_rng(1)) == songs.key[:, 0]).all()


def test_a_pitch_class_counts_by_the_steps_it_sounds() -> None:
    pitch = torch.tensor([[60, 72, -1, 61], [-1, -1, -1, -1]])
    heard = heard_classes(pitch, torch.tensor([[True, True, True, False]] * 2))
    assert heard.sum() == 2
    assert heard[0, 0] == 2
