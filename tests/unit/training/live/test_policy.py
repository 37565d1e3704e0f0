"""The adversarial phase: what is rewarded, who judges, and that what was rewarded becomes likelier."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

import copy  # noqa: E402

import numpy as np  # noqa: E402
from support.live_songs import books, coded_tune, layout, network  # noqa: E402
from torch import Tensor  # noqa: E402

from accompanist.music.spec import LIVE_BAND  # noqa: E402
from training.live import adversary as module  # noqa: E402
from training.live.adversary import GROUP, Adversary, comparable  # noqa: E402
from training.live.batches import Pool, Stretch, melody_of, moved_chords  # noqa: E402
from training.live.codes import UNKNOWN  # noqa: E402
from training.live.critics import StreamCritic, critic_loss  # noqa: E402
from training.live.likelihood import logits_of  # noqa: E402
from training.live.policy import Played, Weights, advantages, following, from_here, policy_loss  # noqa: E402
from training.live.rendering import Rendering  # noqa: E402
from training.live.rollout import live_situation  # noqa: E402
from training.live.sounding import Sound, Sounding  # noqa: E402

BEATS = 16


def sounding() -> Sounding:
    return Sounding(books(), LIVE_BAND, layout().figures)


def stretch(key: int = 7) -> Stretch:
    return Pool([coded_tune(key=key, seed=3)], BEATS).stretches([(0, 0)])


def test_codes_sound_as_their_rolls_do() -> None:
    songs = stretch()
    heard = sounding().of(songs.codes, songs.key)
    codes = songs.codes[0].clone()
    codes[codes < 0] = 4
    rolls = Rendering(books(), LIVE_BAND, layout().figures)(codes, songs.key[0])
    pitched = (rolls[:3, 1] > 0).any(dim=0).view(BEATS, 4, 128).any(dim=1)
    classes = torch.stack([pitched[:, pitch::12].any(dim=1) for pitch in range(12)], dim=1)
    assert torch.equal(heard.chroma[0], classes)
    for track in range(4):
        onsets = (rolls[track, 0] > 0).sum(dim=-1).view(BEATS, 4)
        assert torch.equal(heard.onsets[0, :, track], onsets.to(torch.float32))
    bass = (rolls[0, 1] > 0).view(BEATS, 4, 128).any(dim=1)
    assert torch.equal(heard.bass[0].nonzero()[:, 1], bass.nonzero()[:, 1] % 12)


def test_moved_with_the_key_it_sounds_the_same_but_for_the_key() -> None:
    songs = stretch()
    here = sounding().of(songs.codes, songs.key)
    in_c = sounding().of(moved_chords(songs.codes, songs.key), torch.zeros_like(songs.key))
    assert torch.equal(in_c.chroma.roll(7, dims=-1), here.chroma)
    assert torch.equal(in_c.onsets, here.onsets)


def test_a_track_that_nobody_plays_is_silent() -> None:
    codes = stretch().codes.clone()
    codes[..., 1:4] = UNKNOWN
    heard = sounding().of(codes, torch.zeros(1, BEATS, dtype=torch.int64))
    assert not heard.chroma.any()
    assert not heard.onsets[:, :, :3].any()
    assert heard.onsets[:, :, 3].any()


def test_following_is_the_melody_in_the_chord_beyond_chance() -> None:
    songs = stretch()
    heard = sounding().of(songs.codes, songs.key)
    # A chord tone sounds through every beat under a triad: met 1, by chance 2 of the 11 others.
    assert torch.allclose(following(songs, heard), torch.full((1, BEATS), 1 - 2 / 11))
    away = heard._replace(chroma=heard.chroma.roll(1, dims=-1))  # no tone of a major triad lies a semitone above it
    assert torch.allclose(following(songs, away), torch.full((1, BEATS), -3 / 11))
    full = heard._replace(chroma=torch.ones_like(heard.chroma))
    assert torch.allclose(following(songs, full), torch.zeros(1, BEATS), atol=1e-6)


def test_what_comes_counts_less_the_later_it_comes() -> None:
    rewards = torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 0.0]])
    assert from_here(rewards, 0.5).tolist() == [[1.5, 1.0, 2.0], [0.0, 0.0, 0.0]]
    assert from_here(rewards, 0.0).tolist() == rewards.tolist()


def test_an_advantage_is_over_the_others_of_the_same_melody() -> None:
    rewards = torch.tensor([[3.0], [1.0], [10.0], [10.0]])
    found = advantages(rewards, 2)
    assert found[2:].tolist() == [[0.0], [0.0]]  # an easy melody is no merit
    assert found[0] == -found[1] > 0
    assert torch.isclose(found.std(), torch.tensor(1.0), atol=1e-4)
    assert not advantages(torch.ones(4, 3), 2).any()


def test_a_critic_learns_to_tell_two_ways_of_playing_apart() -> None:
    songs = Pool([coded_tune(key=key, seed=key) for key in (0, 2, 7)], BEATS).stretches([(0, 0), (1, 0), (2, 0)])
    human = sounding().of(songs.codes, songs.key)
    draws = torch.Generator().manual_seed(0)
    mixed = Sound(*(part[:, torch.randperm(BEATS, generator=draws)] for part in human))
    mixed = mixed._replace(onsets=mixed.onsets.flip(-1), held=mixed.held.flip(-1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        critic = StreamCritic(len(LIVE_BAND), width=16)
    adam = torch.optim.Adam(critic.parameters(), 3e-3)
    first = critic_loss(critic, human, mixed)
    for _ in range(40):
        loss, right = critic_loss(critic, human, mixed)
        adam.zero_grad()
        torch.autograd.backward(loss)
        adam.step()
    assert float(loss.detach()) < 0.7 * float(first[0].detach())
    assert float(right) > 0.9


def chord_probability(net: torch.nn.Module, asked: object, codes: Tensor) -> Tensor:
    """(B,) probability of the first beat's chord."""
    said = torch.full_like(codes, UNKNOWN)
    said[:, 1:] = codes[:, :-1]
    with torch.no_grad():
        logits = logits_of(net, asked.heard, asked.setting, said=said, given=asked.given, codes=codes)  # type: ignore[attr-defined, arg-type]
    return logits[0][:, 0].softmax(dim=-1).gather(1, codes[:, 0, :1])[:, 0]


def test_what_fared_better_becomes_likelier() -> None:
    songs = stretch()
    twice = Stretch(*(part.repeat_interleave(2, dim=0) for part in songs))
    key = network().keys.keys_heard(melody_of(twice, torch.device("cpu")))
    asked = live_situation(twice, key)
    codes = moved_chords(twice.codes, key).clamp(min=0)
    codes[1, 0, 0] = (codes[0, 0, 0] + 3) % 12
    net = network()
    first = copy.deepcopy(net)
    before = chord_probability(net, asked, codes)
    advantage = torch.zeros(2, BEATS, 2)
    advantage[:, 0, 0] = torch.tensor([1.0, -1.0])
    played = Played(codes, advantage, torch.full((2, BEATS), UNKNOWN))
    weights = Weights(leash=0.0)  # and nobody knows what people played, so that nothing else is taught
    adam = torch.optim.SGD(net.parameters(), 1e-2)
    outcome = policy_loss(net, first, asked, played, weights)
    assert torch.isfinite(outcome.loss)
    assert outcome.distance == pytest.approx(0.0, abs=1e-6)
    torch.autograd.backward(outcome.loss)
    adam.step()
    after = chord_probability(net, asked, codes)
    assert after[0] > before[0]
    assert after[1] < before[1]
    assert policy_loss(net, first, asked, played, weights).distance > 0


def test_one_update_teaches_critic_and_network_and_leaves_the_first_network_alone() -> None:
    songs = Pool([coded_tune(key=2, seed=1), coded_tune(key=9, seed=2)], BEATS).stretches([(0, 0), (1, 0)])
    net = network()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        adversary = Adversary(net, sounding(), len(LIVE_BAND), Weights(), learning_rate=3e-4)
    critic = copy.deepcopy(adversary.critic.state_dict())
    first = copy.deepcopy(adversary.first.state_dict())
    loss, told = adversary.loss(songs, np.random.default_rng(0), torch.Generator().manual_seed(0))
    torch.autograd.backward(loss)
    assert GROUP > 1
    assert all(np.isfinite(value) for value in told.values())
    assert told["distance"] == pytest.approx(0.0, abs=1e-6)
    assert any(parameter.grad is not None and parameter.grad.any() for parameter in net.parameters())
    assert all(parameter.grad is None for parameter in adversary.first.parameters())
    assert any(not torch.equal(value, critic[name]) for name, value in adversary.critic.state_dict().items())
    gradients = [value.grad.flatten() for value in adversary.critic.parameters() if value.grad is not None]
    assert told["critic_gradient"] == pytest.approx(float(torch.cat(gradients).norm()), rel=1e-5)
    assert all(torch.equal(value, first[name]) for name, value in adversary.first.state_dict().items())


def test_a_critic_that_rests_has_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESTS_ABOVE", 0.0)
    songs = Pool([coded_tune(key=2, seed=1)], BEATS).stretches([(0, 0)])
    adversary = Adversary(network(), sounding(), len(LIVE_BAND), Weights(), learning_rate=3e-4)
    critic = copy.deepcopy(adversary.critic.state_dict())
    _, told = adversary.loss(songs, np.random.default_rng(0), torch.Generator().manual_seed(0))
    assert told["critic_gradient"] == 0.0
    parameters = dict(adversary.critic.named_parameters())
    assert all(torch.equal(value, critic[name]) for name, value in parameters.items())


def test_a_track_that_nobody_knows_is_not_compared() -> None:
    people = torch.zeros(2, 3, 9, dtype=torch.int64)
    people[0, :, 4] = people[0, :, 8] = -1  # a song that came without drums
    people[1, 1, 4] = -1  # one beat of drums unknown: the others are there
    played = torch.full((2, 3, 9), 5)
    judged = comparable(played, people)
    assert (judged[0, :, [4, 8]] == -1).all()
    assert (judged[0, :, :4] == 5).all()
    assert (judged[1] == 5).all()


def test_nobody_falls_silent_because_a_song_ends() -> None:
    people = torch.zeros(1, 4, 9, dtype=torch.int64)
    people[0, 2:] = -1
    judged = comparable(torch.full((1, 4, 9), 5), people)
    assert (judged[0, :2] == 5).all()
    assert (judged[0, 2:] == -1).all()
