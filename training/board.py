"""The record a second time, for TensorBoard: losses and metrics, and the samples to look at and to hear.

    accompanist train --tensorboard
    tensorboard --logdir runs

It stands in the run's `tensorboard` folder and may be deleted: nothing is read from it. What a crash left behind the
checkpoint is hidden when the run goes on.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from training.storage import told

FOLDER = "tensorboard"


class Board:
    """Writes what TensorBoard shows; use as a context.

    Args:
        folder: Where to.
        next_step: First step that is not yet written; of what stands there already later ones are hidden.

    Raises:
        StorageError: it cannot be written.
    """

    def __init__(self, folder: Path, next_step: int) -> None:
        self._folder = folder
        with told("TensorBoard's files", folder):
            self._writer = SummaryWriter(str(folder), purge_step=next_step)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Write the last of it."""
        self._writer.close()

    def steps(self, first_step: int, losses: list[dict[str, float]]) -> None:
        """What consecutive steps measured."""
        for step, row in enumerate(losses, start=first_step):
            for name, value in row.items():
                self._writer.add_scalar(f"steps/{name}", value, step)

    def epoch(self, step: int, metrics: dict[str, float], data: dict[str, float], samples: Path) -> None:
        """What was measured of a sampled epoch, and its samples.

        Args:
            step: Steps done.
            metrics: Of what the model plays.
            data: The same of the data.
            samples: Folder with pictures and sounds; may be missing.

        Raises:
            StorageError: the disk is full.
        """
        for name, value in metrics.items():
            self._writer.add_scalar(f"metrics/{name}", value, step)
        for name, value in data.items():
            self._writer.add_scalar(f"data/{name}", value, step)
        for picture in sorted(samples.glob("*.png")):
            with Image.open(picture) as image:
                pixels = np.asarray(image.convert("RGB"))
            self._writer.add_image(f"rolls/{picture.stem}", pixels, step, dataformats="HWC")
        for sound in sorted(samples.glob("*.wav")):
            wave, rate_hz = soundfile.read(sound, dtype="float32", always_2d=True)
            self._writer.add_audio(f"sound/{sound.stem}", wave.mean(axis=1)[None], step, sample_rate=rate_hz)
        with told("TensorBoard's files", self._folder):
            self._writer.flush()
