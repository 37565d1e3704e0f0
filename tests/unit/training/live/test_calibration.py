"""How busy each track is, set after training."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

import numpy as np  # noqa: E402
from support.live_songs import books, coded_tune, layout, network  # noqa: E402

from accompanist.music.spec import LIVE_BAND  # noqa: E402
from training.live.batches import Pool, melody_of  # noqa: E402
from training.live.calibration import Busyness, busyness, calibrate, people_are  # noqa: E402
from training.live.rollout import PLAY_TEMPERATURES, live_situation, rollout  # noqa: E402
from training.live.sounding import Sounding  # noqa: E402


def sounding() -> Sounding:
    return Sounding(books(), LIVE_BAND, layout().figures)


def test_busy_is_how_often_a_track_is_silent_and_how_much_it_plays_elsewhere() -> None:
    onsets, held = torch.tensor([0.0, 2.0, 4.0, 0.0]), torch.tensor([0.0, 1.0, 3.0, 0.5])
    figures = torch.tensor([[0, 1, 2, -1], [3, 0, 1, 1]])
    there = torch.tensor([[True] * 4, [True, True, False, False]])
    # Silent, two notes, four notes, one unknown; a note held on, silent, two that do not count.
    assert busyness(figures, onsets, held, there) == (pytest.approx(2 / 5), pytest.approx(2.0), pytest.approx(1.5))
    assert busyness(figures, onsets, held, torch.zeros_like(there)) == (1.0, 0.0, 0.0)


def test_a_track_that_nobody_plays_is_left_as_it_is() -> None:
    songs = [torch.from_numpy(coded_tune(key=2).codes.astype(np.int64))]
    songs[0][:, 3] = -1
    found = people_are(songs, sounding())
    assert [found[track] is None for track in range(4)] == [False, False, True, False]
    assert found[0] is not None
    assert 0 <= found[0].silent < 1


def test_a_network_is_brought_nearer_to_how_busy_people_are() -> None:
    net, heard = network(), sounding()
    songs = Pool([coded_tune(key=2, seed=seed, bars=12) for seed in range(4)], 48)
    melodies = songs.stretches([(song, 0) for song in range(4)])

    def plays() -> list[Busyness]:
        key = net.keys.keys_heard(melody_of(melodies, torch.device("cpu")), missing_steps=1)
        source = torch.Generator().manual_seed(1)
        codes = rollout(net, live_situation(melodies, key), PLAY_TEMPERATURES, source)
        there = torch.ones_like(codes[..., 0], dtype=torch.bool)
        return [busyness(codes[..., 1 + at], *full, there) for at, full in enumerate(heard.fullness())]

    before, learnt = plays(), [bias.detach().clone() for bias in net.biases]
    wanted = [one._replace(silent=0.3) if at != 1 else None for at, one in enumerate(before)]
    calibrate(net, heard, melodies, wanted, 0)
    after = plays()
    for track in (0, 2, 3):
        assert abs(after[track].silent - 0.3) < max(0.5 * abs(before[track].silent - 0.3), 0.1)
        assert not torch.equal(net.biases[1 + track], learnt[1 + track])
    assert torch.equal(net.biases[2], learnt[2])  # of the piano nobody knows
    for code in (0, 5, 6, 7, 8):  # harmony and loudness are no figures
        assert torch.equal(net.biases[code], learnt[code])
