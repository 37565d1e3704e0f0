"""What each token can know: never what comes after it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

import numpy as np  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from support.live_songs import coded_tune, network  # noqa: E402
from torch import Tensor  # noqa: E402

from training.live.batches import Pool, Reading, Stretch, heard_of, melody_of, moved_chords, reading_of, setting_of  # noqa: E402
from training.live.codes import UNKNOWN  # noqa: E402
from training.live.key_learning import key_loss  # noqa: E402
from training.live.likelihood import logits_of, losses  # noqa: E402
from training.live.network import causal_mask, cut  # noqa: E402
from training.live.rollout import live_situation  # noqa: E402

BEATS = 16


def stretch() -> Stretch:
    """Two songs of sixteen beats."""
    pool = Pool([coded_tune(key=2, seed=1), coded_tune(key=9, meter=3, seed=2)], BEATS)
    return pool.stretches([(0, 0), (1, 3)])


def sung_otherwise(songs: Stretch, from_step: int) -> Stretch:
    """The same songs with another melody from a step on."""
    step = torch.arange(songs.pitch[0].numel()).view(1, -1, 4)
    later = step >= from_step
    pitch = torch.where(later, 61 + step % 11, songs.pitch)
    return songs._replace(pitch=pitch, struck=torch.where(later, ~songs.struck, songs.struck))


def live_logits(songs: Stretch, missing_steps: int) -> list[Tensor]:
    """What a network says in every beat, playing live."""
    key = network().keys.keys_heard(melody_of(songs, torch.device("cpu")), missing_steps=missing_steps)
    situation = live_situation(songs, key, missing_steps=missing_steps)
    codes = moved_chords(songs.codes, key)
    said = torch.full_like(codes, UNKNOWN)
    said[:, 1:] = moved_chords(songs.codes[:, :-1], key[:, 1:])
    return logits_of(network(), situation.heard, situation.setting, said=said, given=situation.given, codes=codes)


@pytest.mark.parametrize("missing_steps", [0, 1, 2])
def test_nothing_that_is_sung_later_reaches_a_live_decision(missing_steps: int) -> None:
    songs = stretch()
    before = live_logits(songs, missing_steps)
    for beat in range(1, BEATS):
        after = live_logits(sung_otherwise(songs, 4 * beat - missing_steps), missing_steps)
        for one, other in zip(before, after, strict=True):
            assert torch.equal(one[:, : beat + 1], other[:, : beat + 1])
        if beat < BEATS - 1:  # and what was sung reaches the next
            assert not torch.equal(before[0][:, beat + 1 :], after[0][:, beat + 1 :])


def test_nothing_that_is_played_later_reaches_a_decision() -> None:
    songs = stretch()
    before = live_logits(songs, 1)
    for beat in range(1, BEATS - 1):
        played = songs.codes.clone()
        played[:, beat:] = (played[:, beat:] + 1) % 3
        after = live_logits(songs._replace(codes=played), 1)
        assert all(torch.equal(one[:, :beat], other[:, :beat]) for one, other in zip(before, after, strict=True))
        assert torch.equal(before[0][:, beat], after[0][:, beat])  # its harmony is decided before anything else of it
        assert not torch.equal(before[0][:, beat + 1], after[0][:, beat + 1])


def test_foresight_is_what_it_says() -> None:
    songs, key = stretch(), torch.zeros(2, BEATS, dtype=torch.int64)
    known = torch.zeros(2, BEATS, 8, dtype=torch.bool)
    known[:, :, :3] = True
    none = torch.zeros(2, BEATS, dtype=torch.int64)
    both = [heard_of(each, key, none, known, none.bool()) for each in (songs, sung_otherwise(songs, 4 * 8))]
    net = network()
    given = torch.full_like(songs.codes, UNKNOWN)
    one, other = (net.tokens(heard, given, given, setting_of(songs, key)) for heard in both)
    assert torch.equal(one[:, :6], other[:, :6])  # beats 5, 6, 7 are all that the token of beat 5 sees
    assert not torch.equal(one[:, 6], other[:, 6])


@given(st.integers(0, 2**16), st.integers(-20, 20))
@settings(max_examples=15)
def test_a_song_in_another_key_reads_the_same_but_for_the_key_itself(seed: int, by: int) -> None:
    songs = stretch()
    moved = songs._replace(
        pitch=torch.where(songs.pitch >= 0, songs.pitch + 12, -1), codes=moved_chords(songs.codes, torch.tensor(-by))
    )
    key = torch.from_numpy(np.random.default_rng(seed).integers(0, 12, (2, BEATS)))
    assert torch.equal(moved_chords(moved.codes, key + by), moved_chords(songs.codes, key))
    assert torch.equal(moved_chords(moved_chords(songs.codes, key), -key), songs.codes)


def test_reading_on_from_the_past_is_reading_it_all() -> None:
    songs = stretch()
    key = torch.zeros(2, BEATS, dtype=torch.int64)
    situation = live_situation(songs, key)
    net = network()
    with torch.no_grad():
        tokens = net.tokens(situation.heard, songs.codes, situation.given, situation.setting)
        whole, _ = net.read(tokens, causal_mask(BEATS))
        begun, heard = net.read(tokens[:, :5], causal_mask(5))
        past = [heard]
        rest = []
        for at in range(5, BEATS):
            state, new = net.read(tokens[:, at : at + 1], torch.zeros(1, at + 1), *past, first=at)
            past = [*past, new] if at % 2 else [*past[:-1], past[-1].followed_by(new)]
            rest.append(state)
    assert torch.allclose(torch.cat([begun, *rest], dim=1), whole, atol=1e-5)


def test_beats_can_be_cut_out() -> None:
    situation = live_situation(stretch(), torch.zeros(2, BEATS, dtype=torch.int64))
    assert cut(situation.heard, slice(3, 5)).before.shape[1] == 2
    assert torch.equal(cut(situation.setting, slice(3, 5)).place, situation.setting.place[:, 3:5])


def reading(seed: int = 0) -> Reading:
    pool = Pool([coded_tune(key=2, seed=1), coded_tune(key=9, meter=3, seed=2)], BEATS)
    draws = np.random.default_rng(seed)
    return reading_of(pool.take(3, draws), network().keys, draws)


def test_the_loss_is_the_mean_surprise_and_falls_as_it_learns() -> None:
    net, rows = network(), reading()
    first = losses(net, rows)
    assert first.shape == (9,)
    assert (first > 0).all()
    adam = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(15):
        adam.zero_grad()
        torch.autograd.backward(losses(net, rows).sum())
        adam.step()
    assert losses(net, rows).sum() < first.sum() / 2


def test_what_nobody_plays_costs_nothing() -> None:
    rows = reading()
    target = rows.target.clone()
    target[..., 3] = UNKNOWN
    found = losses(network(), rows._replace(target=target))
    assert found[3] == 0
    assert found[2] > 0


def test_every_parameter_learns() -> None:
    net, total = network(), torch.zeros(())
    for seed in range(6):
        total = total + losses(net, reading(seed)).sum()
    total = total + key_loss(net.keys, stretch(), np.random.default_rng(0))
    torch.autograd.backward(total)
    assert [name for name, value in net.named_parameters() if value.grad is None or not value.grad.any()] == []
