"""A piano roll to look at: time to the right, pitch upwards, a colour per track, in rows like a score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from accompanist.errors import StorageError
from accompanist.music.meters import ALL_FOUR_FOUR, Meters, bar_starts, meter_at
from accompanist.music.note import Note
from accompanist.music.theory import pitch_name
from accompanist.music.time import PPQ

Track = tuple[str, Sequence[Note]]
Box = tuple[float, float, float, float]

# Okabe & Ito, "Color Universal Design" (2008): told apart with every kind of colour vision. The melody comes first and
# takes vermilion, the strongest on a light ground; the palette's yellow and black, too weak and too strong, are out.
PALETTE = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
PAPER, PANEL, BLACK_KEY = "#FFFFFF", "#F7F8FA", "#EEF0F4"
INK, FAINT_INK = "#20242C", "#6B7280"
BAR_LINE, BEAT_LINE, OCTAVE_LINE = "#AEB4C0", "#E1E4EA", "#D0D5DE"
BLACK_KEYS = frozenset({1, 3, 6, 8, 10})

MARGIN_PX, GUTTER_PX, ROW_GAP_PX = 28, 44, 40
HEADER_PX, HEADER_UNTITLED_PX = 92, 60
ROW_TICKS = 32 * PPQ
"""Music in a line of the picture, about."""
PITCH_PX = 8
"""Height of a semitone."""
MELODY_GROW_PX = 1.5
"""How far the first track's notes reach out of their lane, above and below."""
SHARPER = 2
"""Everything is drawn this much larger and then shrunk, for smooth corners and text."""


class _Row(NamedTuple):
    """One line of the picture.

    Args:
        bars: Ticks of its bar lines, both ends included.
        first_bar: Number of its first bar, from 1.
        top_px: Upper edge of its panel.
    """

    bars: list[int]
    first_bar: int
    top_px: float


class _Page(NamedTuple):
    """Where everything goes; pixels before sharpening."""

    left_px: float
    width_px: float
    px_per_tick: float
    lowest: int
    highest: int
    rows: list[_Row]

    @property
    def panel_px(self) -> int:
        """Height of a row's panel."""
        return (self.highest - self.lowest + 1) * PITCH_PX

    def x(self, row: _Row, tick: float) -> float:
        """Where a tick stands in a row."""
        return self.left_px + (tick - row.bars[0]) * self.px_per_tick

    def y(self, row: _Row, pitch: int) -> float:
        """Upper edge of a pitch's lane in a row."""
        return row.top_px + (self.highest - pitch) * PITCH_PX


class _Pen:
    """Draws in pixels before sharpening."""

    def __init__(self, width_px: float, height_px: float) -> None:
        self.image = Image.new("RGB", (round(width_px * SHARPER), round(height_px * SHARPER)), PAPER)
        self._draw = ImageDraw.Draw(self.image)

    def box(self, box: Box, fill: str, *, radius_px: float = 0.0) -> None:
        x, y = round(box[0] * SHARPER), round(box[1] * SHARPER)
        # The size is rounded, not the far edge: lines of one weight look alike wherever they fall.
        width, height = round((box[2] - box[0]) * SHARPER), round((box[3] - box[1]) * SHARPER)
        corners = (x, y, x + max(width, 1) - 1, y + max(height, 1) - 1)  # pillow counts the last pixel in
        self._draw.rounded_rectangle(corners, radius=radius_px * SHARPER, fill=fill)

    def text(self, at: tuple[float, float], text: str, *, size_px: int, fill: str = INK, anchor: str = "lm") -> float:
        """Write, and return how wide it came out."""
        font = ImageFont.load_default(size_px * SHARPER)
        self._draw.text((at[0] * SHARPER, at[1] * SHARPER), text, font=font, fill=fill, anchor=anchor)
        return float(self._draw.textlength(text, font=font)) / SHARPER

    def finished(self) -> Image.Image:
        size = (self.image.width // SHARPER, self.image.height // SHARPER)
        return self.image.resize(size, Image.Resampling.BOX)


def draw_roll(
    tracks: Sequence[Track],
    path: Path | None = None,
    *,
    ppq: int = PPQ,
    meters: Meters = ALL_FOUR_FOUR,
    title: str = "",
    bars_per_row: int | None = None,
    width_px: int = 1600,
) -> Image.Image:
    """Draw a piano roll: the first track (the melody) broad, the others inside it where they share a note.

    Args:
        tracks: (name, notes) of each; a track without notes still stands in the legend.
        path: Where to save it as PNG; None: nowhere.
        ppq: Ticks per quarter note of the notes and meters.
        meters: Time signatures, in the same ticks.
        title: Written above, where not empty.
        bars_per_row: Bars in a line of the picture; None: eight of 4/4, or as much time in another meter.
        width_px: Width of the picture.

    Raises:
        StorageError: the file cannot be written.
    """
    bars = bar_starts(meters, _end_tick(tracks), ppq=ppq)
    if bars_per_row is None:
        bars_per_row = max(round(ROW_TICKS / meter_at(meters, 0).ticks_per_bar), 1)
    page = _laid_out(tracks, bars, bars_per_row, width_px, titled=bool(title))
    pen = _Pen(width_px, page.rows[-1].top_px + page.panel_px + MARGIN_PX)
    _draw_header(pen, tracks, title)
    for row in page.rows:
        _draw_grid(pen, page, row, meters, ppq)
        _draw_notes(pen, page, row, tracks)
    image = pen.finished()
    if path is not None:
        try:
            image.save(path, format="PNG")
        except OSError as error:
            raise StorageError(
                f"cannot write the picture {path}: {error.strerror or error}", hint="name a folder you may write to"
            ) from error
    return image


def _end_tick(tracks: Sequence[Track]) -> int:
    return max((note.end_tick for _, notes in tracks for note in notes), default=0)


def _laid_out(tracks: Sequence[Track], bars: list[int], bars_per_row: int, width_px: int, *, titled: bool) -> _Page:
    pitches = [note.pitch for _, notes in tracks for note in notes] or [60]
    lowest, highest = max(min(pitches) - 2, 0), min(max(pitches) + 2, 127)
    lines = [bars[i : i + bars_per_row + 1] for i in range(0, len(bars) - 1, bars_per_row)]
    longest_ticks = max(line[-1] - line[0] for line in lines)
    left_px = MARGIN_PX + GUTTER_PX
    plot_px = width_px - left_px - MARGIN_PX
    row_px = (highest - lowest + 1) * PITCH_PX + ROW_GAP_PX
    first_px = HEADER_PX if titled else HEADER_UNTITLED_PX
    rows = [_Row(line, 1 + i * bars_per_row, first_px + ROW_GAP_PX / 2 + i * row_px) for i, line in enumerate(lines)]
    return _Page(left_px, plot_px, plot_px / longest_ticks, lowest, highest, rows)


def _draw_header(pen: _Pen, tracks: Sequence[Track], title: str) -> None:
    if title:
        pen.text((MARGIN_PX, 34), title, size_px=24)
    x, y = float(MARGIN_PX), (HEADER_PX if title else HEADER_UNTITLED_PX) - 22
    for i, (name, notes) in enumerate(tracks):
        pen.box((x, y - 7, x + 22, y + 7), PALETTE[i % len(PALETTE)], radius_px=3)
        x += 30
        x += pen.text((x, y), name, size_px=16) + 8
        x += pen.text((x, y), f"{len(notes)} notes" if len(notes) != 1 else "1 note", size_px=14, fill=FAINT_INK) + 34


def _draw_grid(pen: _Pen, page: _Page, row: _Row, meters: Meters, ppq: int) -> None:
    left, right = page.left_px, page.x(row, row.bars[-1])
    bottom = row.top_px + page.panel_px
    pen.box((left, row.top_px, right, bottom), PANEL)
    for pitch in range(page.lowest, page.highest + 1):
        y = page.y(row, pitch)
        if pitch % 12 in BLACK_KEYS:
            pen.box((left, y, right, y + PITCH_PX), BLACK_KEY)
        if pitch % 12 == 0:
            pen.box((left, y + PITCH_PX - 0.5, right, y + PITCH_PX + 0.5), OCTAVE_LINE)
            pen.text((left - 8, y + PITCH_PX / 2), pitch_name(pitch), size_px=13, fill=FAINT_INK, anchor="rm")
    for i, bar in enumerate(row.bars):
        if i + 1 < len(row.bars):
            for tick in range(bar, row.bars[i + 1], max(meter_at(meters, bar).ticks_per_beat * ppq // PPQ, 1)):
                pen.box((page.x(row, tick) - 0.5, row.top_px, page.x(row, tick) + 0.5, bottom), BEAT_LINE)
            pen.text((page.x(row, bar) + 1, row.top_px - 9), str(row.first_bar + i), size_px=13, fill=FAINT_INK)
        pen.box((page.x(row, bar) - 0.75, row.top_px, page.x(row, bar) + 0.75, bottom), BAR_LINE)


def _draw_notes(pen: _Pen, page: _Page, row: _Row, tracks: Sequence[Track]) -> None:
    """The first track as a broad band behind, then the others, the long notes first: so doubled notes show twice."""
    first, last = row.bars[0], row.bars[-1]
    placed = [
        (i, max(note.start_tick, first), min(note.end_tick, last), note.pitch)
        for i, (_, notes) in enumerate(tracks)
        for note in notes
    ]
    visible = [note for note in placed if note[1] < note[2]]
    for i, start, end, pitch in sorted(visible, key=lambda note: (note[0] > 0, note[1] - note[2], note[0])):
        grow_px = MELODY_GROW_PX if i == 0 else -1.0
        # A hair of ground is left before the next note, so that repeated notes are seen as two.
        x0, x1 = page.x(row, start) + 0.5, page.x(row, end) - 1.0
        y0, y1 = page.y(row, pitch) - grow_px, page.y(row, pitch) + PITCH_PX + grow_px
        pen.box((x0, y0, max(x1, x0 + 1.5), y1), PALETTE[i % len(PALETTE)], radius_px=2.5)
