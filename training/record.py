"""The record of a run: `metrics.jsonl`, one JSON object a line, only ever appended to.

    {"kind": "step", "step": 12, "epoch": 0.31, "critic": -3.1, "penalty": 0.02, "generator": 1.4,
     "critic_gradient": 0.8, "generator_gradient": 0.1, "critic_rate": 0.001, ...}
    {"kind": "epoch", "step": 39, "epoch": 1, "metrics": {...}, "data": {...}, "distances": {...}}
    {"kind": "speed", "step": 39, "trained_s": 16.2, "steps_per_s": 2.44}

What a step measures is its recipe's own:

    musegan    critic (the Wasserstein loss: minus the estimated distance from the data), penalty (before its weight),
               generator, and the norms of their gradients; the critic's are means over its updates
    live       loss (weighted), and in nats what key and codes cost: key, chord, bass, piano, strings, drums, loudness;
               gradient, the norm of the network's, which is the generator. Of the adversarial phase: loss; follow (of
               the melody in the harmony, beyond chance), human_harmony and human_texture (the critic's opinion),
               critic_right (share), critic_loss, critic_gradient (0 where it rested; its layers are held in check by
               their spectral norm, so it has no gradient penalty); distance from what likelihood taught and
               chord_entropy (nats); likelihood, gradient
    both       learning rates as they were (critic_rate, generator_rate; rate), and critic_updates: how often the critic
               learnt in this step; 0 where it rested

An epoch's metrics are of what the model plays to melodies it has not learnt from, beside the same of what people play
to them, `similarity_index` among them; `distances` are what that is the mean of (`training.similarity`).

Lines of steps and epochs hold nothing of the machine or the hour, so that on one machine the same seed writes the same
ones. What does has lines of its own: the speed, taken every ten seconds or so without samples and checkpoints, and the
seconds trained so far, over all sessions. A run that is resumed cuts the record back to its checkpoint first: no step
stands in it twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from accompanist.errors import TrainingError
from training.storage import lock, told


class Record:
    """The file, open for appending.

    Args:
        path: The run's `metrics.jsonl`.
        keep_bytes: Length to cut it back to.

    Raises:
        TrainingError: another process is writing it, or it is shorter than its checkpoint says.
        StorageError: it cannot be written.
    """

    def __init__(self, path: Path, keep_bytes: int = 0) -> None:
        self.path = path
        self._length = keep_bytes
        with told("the record", path), ExitStack() as undo:
            # Unbuffered: what is handed over is with the system, whatever becomes of this process.
            self._file = undo.enter_context(path.open("ab", buffering=0))
            if not lock(self._file.fileno()):
                raise TrainingError(
                    f"{path.parent} is being trained by another process", hint="wait for it, or stop it with Ctrl-C"
                )
            if self._file.tell() < keep_bytes:
                raise TrainingError(
                    f"{path} was shortened since the checkpoint: it should hold at least {keep_bytes} bytes",
                    hint="put the file back, or train anew: accompanist train",
                )
            self._file.truncate(keep_bytes)
            undo.pop_all()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the file."""
        self._file.close()

    def steps(self, first_step: int, epochs: list[float], losses: list[dict[str, float]]) -> None:
        """Append consecutive steps.

        Args:
            first_step: Number of the first of them.
            epochs: Passes through the data at each.
            losses: Of each.

        Raises:
            StorageError: the disk is full.
        """
        lines = [
            {"kind": "step", "step": first_step + i, "epoch": round(epoch, 6), **loss}
            for i, (epoch, loss) in enumerate(zip(epochs, losses, strict=True))
        ]
        self._append(lines)

    def epoch(
        self,
        step: int,
        epoch: float,
        metrics: dict[str, float],
        data: dict[str, float],
        distances: dict[str, float],
    ) -> None:
        """Append what the model plays at an epoch's end, measured, the same measures of the data, and how far apart.

        Raises:
            StorageError: the disk is full.
        """
        line = {"kind": "epoch", "step": step, "epoch": round(epoch, 6), "metrics": metrics, "data": data}
        self._append([line | {"distances": distances}])

    def speed(self, step: int, trained_s: float, steps_per_s: float) -> None:
        """Append how fast it goes.

        Raises:
            StorageError: the disk is full.
        """
        pace = {"trained_s": round(trained_s, 3), "steps_per_s": round(steps_per_s, 4)}
        self._append([{"kind": "speed", "step": step, **pace}])

    def sync(self) -> int:
        """Force everything onto the disk; returns the length in bytes.

        Raises:
            StorageError: the disk is full.
        """
        with told("the record", self.path):
            os.fsync(self._file.fileno())
        return self._length

    def _append(self, lines: list[dict[str, Any]]) -> None:
        content = b"".join(json.dumps(line, allow_nan=False).encode() + b"\n" for line in lines)
        with told("the record", self.path):
            written = 0
            while written < len(content):  # an unbuffered write may take a part only
                written += self._file.write(content[written:])
        self._length += len(content)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The record's lines; a last line cut short by a crash is left out.

    Raises:
        OSError: there is no such file.
    """
    for line in path.read_bytes().split(b"\n")[:-1]:
        yield json.loads(line)
