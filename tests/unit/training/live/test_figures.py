"""The dictionary of figures: what is in it was played, and what was played is found in it."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.live.figures import FigureBook, learn_book

LANES = 14
cells = st.integers(1, 40).flatmap(
    lambda beats: st.builds(
        lambda seed, share: played(np.random.default_rng(seed).random((beats, 2, 4, LANES)) < share),
        st.integers(0, 1000),
        st.sampled_from([0.0, 0.02, 0.1]),
    )
)


def played(random: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells in which an onset sounds."""
    random[:, 1] |= random[:, 0]
    return random


def one(step: int, lane: int) -> NDArray[np.bool_]:
    """A note of one sixteenth."""
    figure = np.zeros((1, 2, 4, LANES), np.bool_)
    figure[0, :, step, lane] = True
    return figure


@given(cells)
def test_a_book_that_is_large_enough_holds_everything(beats: NDArray[np.bool_]) -> None:
    book = learn_book(beats, 1000)
    assert (book.cells[book.nearest(beats)] == beats).all()


@given(cells, st.integers(3, 12))
def test_a_small_book_holds_only_what_was_played_and_tells_silence_from_sound(
    beats: NDArray[np.bool_], size: int
) -> None:
    book = learn_book(beats, size)
    assert len(book) <= size
    assert not book.cells[0].any()
    known = {figure.tobytes() for figure in beats}
    assert all(figure.tobytes() in known for figure in book.cells[1:])
    found = book.nearest(beats)
    if len(book) > 1:
        assert ((found == 0) == ~beats.any(axis=(1, 2, 3))).all()


@given(cells, st.integers(3, 12))
def test_every_figure_of_a_book_is_nearest_to_itself(beats: NDArray[np.bool_], size: int) -> None:
    book = learn_book(beats, size)
    assert (book.cells[book.nearest(book.cells)] == book.cells).all()


def test_the_commonest_figures_are_kept_whatever_else_there_is() -> None:
    common = [one(0, lane) for lane in range(5) for _ in range(20)]
    rare = [one(step, lane) for step in (1, 2, 3) for lane in range(LANES)]
    book = learn_book(np.concatenate(common + rare), 11)
    kept = {figure.tobytes() for figure in book.cells}
    assert all(one(0, lane)[0].tobytes() in kept for lane in range(5))


def test_rhythm_and_degree_count_more_than_the_octave() -> None:
    book = FigureBook(np.concatenate([one(0, 0) & False, one(0, 7), one(0, 1), one(2, 0)]), 7)
    assert book.nearest(one(0, 0)).tolist() == [1]  # the root an octave higher, on its beat


def test_drums_have_no_octaves() -> None:
    book = FigureBook(np.concatenate([one(0, 0) & False, one(0, 7), one(0, 1)]), 0)
    assert book.nearest(np.concatenate([one(0, 1), one(0, 7)])).tolist() == [2, 1]
