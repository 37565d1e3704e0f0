"""The key that a melody suggests."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from training.live.key import heard_classes, key_of  # noqa: E402

TWINKLE = (60, 60, 67, 67, 69, 69, 67, 67, 65, 65, 64, 64, 62, 62, 60, 60)
A_MINOR = (69, 71, 72, 74, 76, 74, 72, 71, 69, 64, 69, 69, 76, 77, 76, 69)


def key(pitches: tuple[int, ...], *, by: int = 0, ages: torch.Tensor | None = None) -> int:
    """The key of a melody, a pitch per beat."""
    pitch = torch.tensor(pitches)[:, None].expand(-1, 4) + by
    age = torch.arange(len(pitches)).flip(0) if ages is None else ages
    return int(key_of(heard_classes(pitch, torch.ones_like(pitch, dtype=torch.bool)), age))


@given(st.sampled_from([TWINKLE, A_MINOR]), st.integers(-24, 24))
def test_a_known_melody_stands_in_its_key_wherever_it_is_sung(melody: tuple[int, ...], by: int) -> None:
    assert key(melody, by=by) == by % 12  # a minor key counts as the major one of its signature


def test_what_was_long_ago_gives_way() -> None:
    moved = tuple(pitch + 6 for pitch in TWINKLE)
    assert key(TWINKLE * 2 + moved) == 0
    assert key(TWINKLE * 2 + moved * 3) == 6


def test_beats_to_come_and_steps_unheard_count_for_nothing() -> None:
    moved = tuple(pitch + 1 for pitch in TWINKLE)
    assert key(TWINKLE + moved * 4, ages=15 - torch.arange(80)) == 0
    pitch = torch.tensor(TWINKLE)[:, None].expand(-1, 4)
    assert not heard_classes(pitch, torch.zeros_like(pitch, dtype=torch.bool)).any()


def test_silence_is_in_c() -> None:
    assert key((-1,) * 8) == 0


def test_a_pitch_class_counts_by_the_steps_it_sounds() -> None:
    pitch = torch.tensor([[60, 72, -1, 61], [-1, -1, -1, -1]])
    heard = heard_classes(pitch, torch.tensor([[True, True, True, False]] * 2))
    assert heard.sum() == 2
    assert heard[0, 0] == 2
