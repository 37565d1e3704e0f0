"""Sound of a song, rendered once and kept: by FluidSynth where there is one, else by the small synthesiser."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from pathlib import Path

from accompanist.music import midifile
from accompanist.music.song import MidiSong
from accompanist.render.sound import render_wav

KEPT_BYTES = 1 << 30
"""Of all sounds together; the ones that were not asked for the longest go first."""


class Sounds:
    """A folder of rendered sound; safe to use from several threads.

    Args:
        folder: Made where it is not there; may be deleted at any time.
        most_bytes: Kept at most.
    """

    def __init__(self, folder: Path, most_bytes: int = KEPT_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._rendering = threading.Lock()

    def of(self, song: MidiSong) -> Path:
        """The song as a WAV file, from the folder where it is already there.

        Raises:
            StorageError: it cannot be written.
        """
        path = self._folder / f"{hashlib.sha256(midifile.render(song)).hexdigest()}.wav"
        with self._rendering:  # one at a time: two would only slow each other down
            if path.is_file():
                os.utime(path)
                return path
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._folder, prefix="part-") as part:
                rendered = Path(part) / "song.wav"
                render_wav(song, rendered)
                rendered.replace(path)
            self._forget_old()
            return path

    def _forget_old(self) -> None:
        kept = sorted(
            ((at.stat().st_mtime_ns, at.stat().st_size, at) for at in self._folder.glob("*.wav")), reverse=True
        )
        total = 0
        for place, (_, size, path) in enumerate(kept):
            total += size
            if place and total > self._most_bytes:
                path.unlink(missing_ok=True)
