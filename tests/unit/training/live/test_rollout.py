"""Free-running play is the network's own opinion, beat by beat; and the exported graph plays the same."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

import numpy as np  # noqa: E402
from support.live_songs import books, coded_tune, network  # noqa: E402
from torch import Tensor  # noqa: E402

from accompanist.music.spec import LIVE_BAND  # noqa: E402
from training.live.batches import Pool, Stretch, melody_of, moved_chords  # noqa: E402
from training.live.codes import LEVEL_VELOCITY, LEVELS, UNKNOWN  # noqa: E402
from training.live.lanes import lane_pitches  # noqa: E402
from training.live.likelihood import logits_of  # noqa: E402
from training.live.network import cut  # noqa: E402
from training.live.player import MELODY_AHEAD_BEATS, PLAN_BEATS, LivePlayer, gumbel  # noqa: E402
from training.live.rendering import Rendering  # noqa: E402
from training.live.rollout import Situation, live_situation, log_probabilities, rollout  # noqa: E402

BEATS = 16
CPU = torch.device("cpu")
GREEDY = [0.0] * 9


def stretch() -> Stretch:
    pool = Pool([coded_tune(key=2, seed=1), coded_tune(key=9, meter=3, seed=2)], BEATS)
    return pool.stretches([(0, 0), (1, 3)])


def situation(*, foresight: bool = False) -> Situation:
    """Two songs, with a key that changes as they are heard."""
    songs = stretch()
    key = network().keys.keys_heard(melody_of(songs, CPU), missing_steps=1, foresight=foresight)
    key[:, 9:] = (key[:, 9:] + 5) % 12
    return live_situation(songs, key, foresight=foresight)


def as_said(codes: Tensor, key: Tensor) -> Tensor:
    """The codes of the beat before, in the key of each beat."""
    sounding = moved_chords(codes, -key)
    said = torch.full_like(codes, UNKNOWN)
    said[:, 1:] = moved_chords(sounding[:, :-1], key[:, 1:])
    return said


def opinion(asked: Situation, codes: Tensor) -> list[Tensor]:
    """What the network says in one pass of what was played."""
    said = as_said(codes, asked.setting.key) if asked.shown else torch.full_like(codes, UNKNOWN)
    with torch.no_grad():
        return logits_of(network(), asked.heard, asked.setting, said=said, given=asked.given, codes=codes)


@pytest.mark.parametrize("foresight", [False, True])
@pytest.mark.parametrize("shown", [False, True])
def test_a_greedy_rollout_is_the_likeliest_of_one_pass(shown: bool, foresight: bool) -> None:
    asked = situation(foresight=foresight)._replace(shown=shown)
    codes = rollout(network(), asked, GREEDY, torch.Generator())
    for code, logits in enumerate(opinion(asked, codes)):
        played = logits.gather(-1, codes[..., code, None])[..., 0]
        assert torch.allclose(played, logits.amax(dim=-1), atol=1e-4)


def test_what_is_given_is_played_and_listened_to() -> None:
    asked = situation()
    given = asked.given.clone()
    given[:, :, 1] = 1
    free = rollout(network(), asked, GREEDY, torch.Generator())
    bound = rollout(network(), asked._replace(given=given), GREEDY, torch.Generator())
    assert (bound[..., 1] == 1).all()
    assert not torch.equal(free[..., 2:], bound[..., 2:])


def test_draws_follow_their_source_and_the_temperature() -> None:
    asked = situation()
    one, again, other = (
        rollout(network(), asked, [1.0] * 9, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_drawn_codes_come_as_often_as_the_network_says() -> None:
    songs = Pool([coded_tune()], 1).stretches([(0, 0)] * 4000)
    asked = live_situation(songs, torch.zeros(4000, 1, dtype=torch.int64))
    codes = rollout(network(), asked, [1.0] * 9, torch.Generator().manual_seed(0))
    with torch.no_grad():
        first = opinion(Situation(cut(asked.heard, slice(0, 1)), asked.setting, asked.given), codes)[0][0, 0]
    drawn = torch.bincount(codes[:, 0, 0], minlength=len(first)) / 4000
    assert (drawn - first.softmax(dim=-1)).abs().max() < 0.03


def test_log_probabilities_are_those_of_the_codes_played() -> None:
    asked = situation()
    codes = rollout(network(), asked, [1.0] * 9, torch.Generator().manual_seed(3))
    logits = opinion(asked, codes)
    codes[0, 2, 1] = UNKNOWN
    found = log_probabilities(logits, codes)
    assert found.shape == codes.shape
    assert found[0, 2, 1] == 0
    assert torch.isclose(found[1, 4, 3], logits[3][1, 4].log_softmax(dim=-1)[codes[1, 4, 3]])


CONTEXT, KNOWN = 12, 4 * 12 - 1
PLAYER_TEMPERATURES = [0.7] * 9


def player() -> LivePlayer:
    return LivePlayer(network(), books(), LIVE_BAND, PLAYER_TEMPERATURES, context_beats=CONTEXT).eval()


def question(first_step: int = 0, known_step: int = KNOWN) -> tuple[Stretch, dict[str, Tensor]]:
    """A song so far, and the same as the player is asked."""
    songs = Pool([coded_tune(key=7, bars=12, seed=4)], CONTEXT + PLAN_BEATS).stretches([(0, 0)])
    step = torch.arange(songs.pitch[0].numel()).view(1, -1, 4)
    known = (step >= first_step) & (step < known_step)
    songs = songs._replace(known=known, pitch=torch.where(known, songs.pitch, -1), struck=songs.struck & known)
    melody = -torch.ones(1, 2, (CONTEXT + MELODY_AHEAD_BEATS) * 4, 128)
    pitch, struck = songs.pitch.flatten(), songs.struck.flatten()
    sounding = torch.nonzero(pitch >= 0).flatten()
    melody[0, 1, sounding, pitch[sounding]] = 1
    begins = torch.nonzero(struck & (pitch >= 0)).flatten()
    melody[0, 0, begins, pitch[begins]] = 1
    codes = torch.full((1, CONTEXT + PLAN_BEATS, 9), UNKNOWN)
    codes[:, (first_step + 3) // 4 : CONTEXT] = songs.codes[:, (first_step + 3) // 4 : CONTEXT]
    moment = torch.tensor([[first_step, known_step, CONTEXT % 4, 4, 3]])
    noise = torch.zeros(1, *player().noise_shape)
    return songs, {"melody": melody, "noise": noise, "codes": codes, "moment": moment}


@pytest.mark.parametrize(("first_step", "known_step"), [(0, KNOWN), (0, 4 * CONTEXT), (18, KNOWN), (46, KNOWN)])
def test_every_beat_the_player_plans_is_the_likeliest_of_one_pass_over_the_same_history(
    first_step: int, known_step: int
) -> None:
    songs, asked = question(first_step, known_step)
    rolls, plan = player()(**asked)
    assert rolls.shape == (1, 12, 32, 128)
    # The player reads all that was in the key it assumes now.
    now = network().keys.keys_heard(melody_of(songs, CPU))[:, CONTEXT]
    key = now[:, None].expand(1, CONTEXT + PLAN_BEATS)
    songs = songs._replace(style=torch.full_like(songs.style, 3))
    passed = live_situation(songs, key, missing_steps=0)
    codes = moved_chords(torch.cat([asked["codes"][:, :CONTEXT], plan], dim=1), key)
    said = torch.full_like(codes, UNKNOWN)
    said[:, 1:] = codes[:, :-1]
    begun = slice((first_step + 3) // 4 or 1, None)  # what was before the song is nowhere
    with torch.no_grad():
        logits = logits_of(
            network(), cut(passed.heard, begun), cut(passed.setting, begun), said=said[:, begun],
            given=passed.given[:, begun], codes=codes[:, begun],
        )  # fmt: skip
    for code, part in enumerate(logits):
        planned = part[:, -PLAN_BEATS:]
        chosen = planned.gather(-1, moved_chords(plan, key[:, :PLAN_BEATS])[..., code, None])[..., 0]
        assert torch.allclose(chosen, planned.amax(dim=-1), atol=1e-4)


def test_a_player_plays_what_it_is_given_and_noise_changes_the_rest() -> None:
    _, asked = question()
    codes = asked["codes"].clone()
    codes[0, CONTEXT:, 0], codes[0, CONTEXT:, 2] = 5, 1
    noise = torch.randn(asked["noise"].shape, generator=torch.Generator().manual_seed(0))
    _, plan = player()(**{**asked, "codes": codes, "noise": noise})
    assert (plan[0, :, 0] == 5).all()
    assert (plan[0, :, 2] == 1).all()
    _, calm = player()(**{**asked, "codes": codes})
    assert not torch.equal(plan, calm)


def test_codes_sound_as_their_figures_under_their_chords() -> None:
    song = coded_tune(key=7, bars=4)
    codes = torch.from_numpy(song.codes.astype(np.int64))
    codes[:, 5:] = codes[:, 5:].clamp(min=LEVELS // 2)
    key = torch.from_numpy(song.key.astype(np.int64))
    rolls = Rendering(books(), LIVE_BAND, [len(book) for book in books().values()])(codes, key).numpy()
    assert set(np.unique(rolls[:, :2])) == {-1.0, 1.0}
    for at, track in enumerate(LIVE_BAND[:3]):
        cells = books()[track.name].cells[song.codes[:, 1 + at]]
        beat, step, lane = np.nonzero(cells[:, 0])
        expected = np.zeros((64, 128), np.bool_)
        expected[4 * beat + step, lane_pitches(track)[song.codes[beat, 0], song.key[beat], lane]] = True
        assert np.array_equal(rolls[at, 0] > 0, expected)
        assert np.array_equal(rolls[at, 2] > 0, expected)
    bass = rolls[0, 2].max(axis=1)
    level = codes[4, 5].item() - LEVELS // 2
    assert bass[16] == pytest.approx((LIVE_BAND[0].velocity + LEVEL_VELOCITY * level) / 127)


def test_a_track_without_a_book_keeps_silent() -> None:
    lacking = {name: book for name, book in books().items() if name != "strings"}
    codes = torch.zeros(2, 9, dtype=torch.int64)
    sizes = [len(book) for book in books().values()]
    rolls = Rendering(lacking, LIVE_BAND, sizes)(codes, torch.zeros(2, dtype=torch.int64))
    assert (rolls[2, :2] == -1).all()
    assert (rolls[2, 2] == 0).all()


def test_normal_noise_becomes_gumbels() -> None:
    noise = gumbel(torch.randn(200_000, generator=torch.Generator().manual_seed(0)))
    assert noise.mean() == pytest.approx(0.5772, abs=0.01)  # Euler's constant
    assert noise.std() == pytest.approx(np.pi / 6**0.5, abs=0.01)
    assert gumbel(torch.zeros(1)) == pytest.approx(-np.log(np.log(2)))
    assert torch.isfinite(gumbel(torch.tensor([-40.0, 40.0]))).all()
