from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from accompanist.errors import StorageError
from accompanist.music.note import Note
from accompanist.render.picture import PALETTE, Track, draw_roll

BAR = 1920
MELODY = [Note(0, 72, 480), Note(480, 74, 960), Note(960, 76, BAR)]
BASS = [Note(0, 48, BAR), Note(BAR, 43, 2 * BAR)]


def cells(image: Image.Image, colour: str) -> np.ndarray:
    """Rows and columns of the pixels that have a colour exactly, below the legend."""
    rows, columns = np.nonzero((np.asarray(image) == ImageColor.getrgb(colour)).all(axis=-1))
    return np.stack([rows, columns])[:, rows > 60]


def test_every_track_has_its_colour_and_time_runs_to_the_right() -> None:
    image = draw_roll([("melody", MELODY), ("bass", BASS), ("piano", [Note(BAR, 60, 2 * BAR)])])
    melody, bass, piano = (cells(image, PALETTE[i]) for i in range(3))
    assert melody.size
    assert bass.size
    assert piano.size
    assert melody[0].max() < piano[0].min() < bass[0].max()  # higher pitches stand higher
    assert melody[1].max() < piano[1].min()  # the first bar is left of the second
    assert len(set(PALETTE)) == len(PALETTE)


def test_a_note_under_the_melody_on_the_same_pitch_is_seen_too() -> None:
    image = draw_roll([("melody", [Note(0, 60, BAR)]), ("piano", [Note(480, 60, 960)])])
    assert cells(image, PALETTE[0]).size
    assert cells(image, PALETTE[1]).size


def test_repeated_notes_are_seen_as_two() -> None:
    two = draw_roll([("melody", [Note(0, 60, 960), Note(960, 60, BAR)])])
    one = draw_roll([("melody", [Note(0, 60, BAR)])])
    assert cells(two, PALETTE[0]).shape[1] < cells(one, PALETTE[0]).shape[1]


def test_a_note_over_a_line_break_stands_in_both_rows() -> None:
    image = draw_roll([("melody", [Note(0, 60, 2 * BAR)])], bars_per_row=1)
    rows = np.unique(cells(image, PALETTE[0])[0])
    assert (np.diff(rows) > 1).sum() == 1


def test_a_line_holds_as_much_music_in_any_meter() -> None:
    tune = [("melody", [Note(0, 60, 16 * BAR)])]
    assert (
        draw_roll(tune).size == draw_roll(tune, meters=((0, 1, 4),)).size == draw_roll(tune, meters=((0, 4, 8),)).size
    )


def test_ticks_of_any_resolution_give_the_same_picture() -> None:
    coarse = [Note(n.start_tick // 5, n.pitch, n.end_tick // 5) for n in MELODY]
    assert draw_roll([("melody", MELODY)]).tobytes() == draw_roll([("melody", coarse)], ppq=96).tobytes()


@pytest.mark.parametrize("tracks", [[], [("melody", [])], [("a", [Note(0, 0, 1)]), ("b", [Note(0, 127, 5)])]])
def test_little_or_extreme_music_is_drawn_too(tracks: list[Track]) -> None:
    image = draw_roll(tracks, width_px=640)
    assert image.width == 640
    assert image.height > 50


def test_it_is_saved_as_png(tmp_path: Path) -> None:
    image = draw_roll([("melody", MELODY)], tmp_path / "roll.png", title="A tune")
    with Image.open(tmp_path / "roll.png") as saved:
        assert saved.format == "PNG"
        assert saved.tobytes() == image.tobytes()


def test_a_folder_that_is_not_there_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write the picture .*roll.png") as told:
        draw_roll([("melody", MELODY)], tmp_path / "nowhere" / "roll.png")
    assert told.value.hint
