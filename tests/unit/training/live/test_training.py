"""The live model in the loop: a run of a few steps, and that it goes on as if it had never stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

import msgspec  # noqa: E402
import numpy as np  # noqa: E402
from support.live_runs import TINY_LIVE, begin, corpus, train  # noqa: E402
from support.runs import lines  # noqa: E402

from accompanist.config import TrainConfig  # noqa: E402
from accompanist.errors import ConfigError, TrainingError  # noqa: E402
from accompanist.music import midifile  # noqa: E402
from accompanist.runs import checkpoints  # noqa: E402
from training import checkpoint, plot, samples, session  # noqa: E402
from training.live import books, sampler  # noqa: E402
from training.live.recipe import Live, LiveTraining  # noqa: E402
from training.live.trained import load_player  # noqa: E402
from training.recipe import OWN, settled  # noqa: E402


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sound and pictures are tested where they are made; here two files stand for them."""
    monkeypatch.setattr(samples, "render_wav", lambda _song, path: path.write_bytes(b"sound"))
    monkeypatch.setattr(samples, "draw_roll", lambda _tracks, path, **_: path.write_bytes(b"picture"))
    monkeypatch.setattr(plot, "draw", lambda _record, path: path.write_bytes(b"plot"))
    monkeypatch.setattr(sampler, "MEASURED_BEATS", 24)


def test_a_live_run_leaves_everything_a_run_leaves(tmp_path: Path) -> None:
    run = begin(tmp_path)
    assert train(run)
    assert run.path == tmp_path / "0001-live-tunes"
    assert run.facts()["beats"] == {"train": 232, "validation": 56, "test": 0}
    spec = run.spec()
    assert (spec.kind, spec.codes, spec.velocity, spec.plan_beats, spec.licences) == ("live", 9, True, 8, ("CC0-1.0",))
    steps, epochs = lines(run, "step"), lines(run, "epoch")
    assert [line["step"] for line in steps] == [1, 2, 3, 4, 5, 6]
    assert steps[0].keys() == {
        "kind", "step", "epoch", "loss", "key", "chord", "bass", "piano", "strings", "drums", "loudness", "gradient",
        "rate",
    }  # fmt: skip
    assert [line["epoch"] for line in epochs] == [0, 1, 2, 3]
    for line in epochs:
        assert line["metrics"].keys() == line["data"].keys() >= {
            "note_in_chord", "note_in_chord_chance", "coupling", "file.note_in_chord", "pitch_classes_per_beat",
            "distinct_sets", "harmonic_rhythm", "onsets_per_bar", "chord_fit", "drums.onsets_per_bar",
            "similarity_index",
        }  # fmt: skip
        assert line["metrics"]["similarity_index"] == pytest.approx(np.mean(list(line["distances"].values())))
        assert 0.0 < line["metrics"]["similarity_index"] < 1.0
    song = midifile.read(next((run.samples / "epoch-0003").glob("*.mid")))
    assert song.tracks[0].name == "melody"
    found = books.read(run.path)
    assert all((found[name].cells == book.cells).all() for name, book in corpus().books.items())


def test_what_people_play_is_measured_as_it_is(tmp_path: Path) -> None:
    run = begin(tmp_path)
    train(run, stop_after=1)
    data = lines(run, "epoch")[0]["data"]
    assert data["note_in_chord"] == 1.0  # its melody is made of its chords
    assert data["pitch_classes_per_beat"] == 3.0
    assert data["distinct_sets"] == 3.0  # I, IV and V
    assert data["chord_fit"] == 1.0
    assert data["bass.onsets_per_bar"] == pytest.approx(3.5)  # a beat each, of a song in four and one in three
    assert data["unsupported"] == 0.0
    assert data["file.coupling"] == data["coupling"]


ADVERSARIAL = msgspec.structs.replace(TINY_LIVE, epochs=1, adversarial_epochs=1)
"""Two steps of likelihood, two against the critic."""


@pytest.mark.parametrize(("config", "stops"), [(TINY_LIVE, (1, 5)), (ADVERSARIAL, (1, 2, 3))])
def test_a_resumed_run_is_the_uninterrupted_one_to_the_last_digit(
    tmp_path: Path, config: TrainConfig, stops: tuple[int, ...]
) -> None:
    whole, pieces = begin(tmp_path / "whole", config), begin(tmp_path / "pieces", config)
    train(whole)
    for stop in stops:
        assert not train(pieces, stop_after=stop)
    assert train(pieces)
    assert whole.record.read_bytes() == pieces.record.read_bytes()
    last, last_other = (checkpoints.all_in(run.checkpoints)[-1] for run in (whole, pieces))
    assert checkpoint.names_in(last) == checkpoint.names_in(last_other)
    for name in checkpoint.names_in(last):
        tensors, others = checkpoint.read_tensors(last, name), checkpoint.read_tensors(last_other, name)
        assert tensors.keys() == others.keys()
        assert all(torch.equal(tensors[key], others[key]) for key in tensors)


def test_the_adversarial_phase_comes_after_likelihood_and_is_kept(tmp_path: Path) -> None:
    run = begin(tmp_path, ADVERSARIAL)
    assert train(run)
    steps = lines(run, "step")
    assert ["chord" in line for line in steps] == [True, True, False, False]
    assert steps[2].keys() == {
        "kind", "step", "epoch", "loss", "follow", "human_harmony", "human_texture", "critic_right", "critic_loss",
        "critic_gradient",
        "distance", "chord_entropy", "likelihood", "gradient", "rate", "critic_rate", "critic_updates",
    }  # fmt: skip
    assert [line["epoch"] for line in lines(run, "epoch")] == [0, 1, 2]
    assert steps[2]["distance"] == pytest.approx(0.0, abs=1e-6)  # it sets out from what likelihood taught
    last = checkpoints.all_in(run.checkpoints)[-1]
    assert checkpoint.names_in(last) == ["average", "critic", "critic-adam", "first", "network", "network-adam"]
    first, now = checkpoint.read_tensors(last, "first"), checkpoint.read_tensors(last, "network")
    assert not torch.equal(first["norm.weight"], now["norm.weight"])
    # What plays is the mean of all it was, which hardly moves in two updates.
    plays = load_player(checkpoint.found_in(last)).network.norm.weight
    assert torch.equal(plays, checkpoint.read_tensors(last, "average")["norm.weight"])
    moved, averaged = ((it - first["norm.weight"]).norm() for it in (now["norm.weight"], plays))
    assert 0 < averaged < 0.05 * moved


def test_more_epochs_are_refused_once_the_critic_plays(tmp_path: Path) -> None:
    run = begin(tmp_path, ADVERSARIAL)
    train(run, stop_after=1)
    assert session.changed(run, {"epochs": 2}).epochs == 2
    train(run)
    with pytest.raises(ConfigError, match="adversarial phase"):
        session.changed(run, {"epochs": 2})
    assert session.changed(run, {"epochs": 1, "adversarial_epochs": 2}).adversarial_epochs == 2


def test_training_teaches(tmp_path: Path) -> None:
    config = TrainConfig(
        model="live", data=("tunes",), width=32, layers=1, batch=8, stretch_beats=32, epochs=60, learning_rate=1e-2,
        adversarial_epochs=0, sample_every=60, threads=1, device="cpu",
    )  # fmt: skip
    run = begin(tmp_path, config)
    train(run)
    steps, (before, after) = lines(run, "step"), lines(run, "epoch")
    assert np.mean([line["chord"] for line in steps[-5:]]) < 0.5 * steps[0]["chord"]
    assert np.mean([line["drums"] for line in steps[-5:]]) < 0.2 * steps[0]["drums"]
    assert after["metrics"]["file.coupling"] > before["metrics"]["file.coupling"] + 0.2


def test_the_rate_rises_then_fades() -> None:
    training = LiveTraining(TINY_LIVE, corpus(), torch.device("cpu"))
    training.steps = 4000
    rates = [training.rate(step) for step in range(4000)]
    assert rates[0] == pytest.approx(TINY_LIVE.learning_rate / 200)
    assert max(rates) == pytest.approx(TINY_LIVE.learning_rate, rel=0.02)
    assert 190 < int(np.argmax(rates)) < 210
    assert rates[-1] == pytest.approx(TINY_LIVE.learning_rate * 0.05, rel=1e-3)
    assert (np.diff(rates[210:4000]) < 0).all()
    training.adversarial_steps = 100
    after = [training.rate(4000 + step) for step in range(100)]
    assert max(after) == pytest.approx(TINY_LIVE.learning_rate * 0.15, rel=0.1)
    assert after[-1] == pytest.approx(TINY_LIVE.learning_rate * 0.015)


def test_a_step_moves_every_parameter_and_nobody_elses_random_numbers() -> None:
    training = LiveTraining(TINY_LIVE, corpus(), torch.device("cpu"))
    before = {name: value.clone() for name, value in training.network.named_parameters()}
    state = torch.get_rng_state()
    for step in range(4):
        assert np.isfinite([float(value) for value in training.update(step).values()]).all()
    assert torch.equal(torch.get_rng_state(), state)
    still = [name for name, value in training.network.named_parameters() if torch.equal(value, before[name])]
    assert still == []


def test_songs_to_measure_have_a_melody_and_the_most_of_the_band() -> None:
    found = sampler.songs_to_measure(corpus().train)
    assert [song.label for song in found] == [song.label for song in corpus().train[:-1]]


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"no books")])
def test_books_that_are_gone_or_damaged_are_told(tmp_path: Path, damage: object) -> None:
    run = begin(tmp_path)
    damage(run.path / books.FILE)  # type: ignore[operator]
    with pytest.raises(TrainingError, match="books of figures"):
        books.read(run.path)


@pytest.mark.parametrize("model", ["musegan", "live"])
def test_what_is_left_out_is_the_recipes_own(model: str) -> None:
    config = settled(TrainConfig(model=model))  # type: ignore[arg-type]
    assert {name: getattr(config, name) for name in OWN[model]} == OWN[model]
    assert settled(config) == config
    assert settled(TrainConfig(model=model, epochs=3)).epochs == 3  # type: ignore[arg-type]


def test_a_width_that_no_head_divides_is_refused() -> None:
    with pytest.raises(ConfigError, match="multiple of 32"):
        settled(TrainConfig(model="live", width=100))


def test_a_run_of_many_sources_has_a_short_name(tmp_path: Path) -> None:
    config = TrainConfig(model="live", data=("a", "b", "c", "d", "e"), width=32, layers=1, epochs=1, batch=4)
    assert begin(tmp_path, config).path.name == "0001-live-5-sources"
    assert Live(config, corpus()).summary == "232 beats to train on, 56 to check with, of 9 songs"
