"""What an earlier start measured, kept in the user's cache folder: by model, version of onnxruntime and machine."""

from __future__ import annotations

import hashlib
import os
import platform
from contextlib import suppress
from pathlib import Path

import msgspec

from accompanist.places import cache_folder
from accompanist.runtime.choice import Timing
from accompanist.runtime.providers import ort

_SAME_PACE = 2.0
"""Timings hold for tempos up to so many times slower or faster."""
_KEY_DIGITS = 24


class Measured(msgspec.Struct, frozen=True):
    """A measurement as it is kept.

    Args:
        beat_s: From one question to the next.
        absent: Providers that could not load then, each with the reason; with others the measurement is void.
        failed: Providers that failed when they were tried.
        timings: Of the others, the simplest first.
    """

    beat_s: float
    absent: dict[str, str]
    failed: dict[str, str]
    timings: tuple[Timing, ...]

    def holds(self, beat_s: float, absent: dict[str, str]) -> bool:
        """Whether it still says something: the same providers load, and the tempo is not quite another."""
        return bool(self.timings) and self.absent == absent and 1 / _SAME_PACE <= beat_s / self.beat_s <= _SAME_PACE


class ChoiceMemory:
    """The file that holds one measurement.

    Args:
        model: The model file.
        provider: What was asked for: "auto", or one provider.
        cores: That this process may use.
    """

    def __init__(self, model: Path, provider: str, cores: int) -> None:
        content = hashlib.sha256(model.read_bytes()).hexdigest()
        machine = f"{platform.node()} {platform.machine()} {platform.processor()} {cores}"
        key = hashlib.sha256(f"{content}\n{provider}\n{ort.__version__}\n{machine}\n{os.name}".encode()).hexdigest()
        self.path = cache_folder() / "providers" / f"{key[:_KEY_DIGITS]}.json"

    def recall(self) -> Measured | None:
        """What was measured; None where nothing was, or where the file is damaged."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Measured)
        except (OSError, msgspec.MsgspecError):
            return None

    def keep(self, measured: Measured) -> None:
        """Write it down; where that fails the next start measures again."""
        part = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(msgspec.json.format(msgspec.json.encode(measured)) + b"\n")
            part.replace(self.path)
