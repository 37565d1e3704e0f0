"""A model file as a contestant: what `serve` would have played to a song, and what it plays when it knows the song."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from accompanist.config import EngineConfig
from accompanist.errors import ModelError
from accompanist.music.time import TempoMap
from accompanist.runtime.infer import Session
from accompanist.runtime.simulate import perform, perform_with_foresight
from training.evaluation.measures import DRUMS
from training.evaluation.piece import Piece, Tracks

Mode = Literal["live", "file"]


@dataclass(frozen=True, slots=True)
class ModelPlayer:
    """A model as a `training.evaluation.trial.Player`; it may be sent to another process.

    Args:
        path: The model file.
        mode: "live": through the very engine, the future hidden, each beat planned on what was played before;
            "file": with all of the melody known.
    """

    path: Path
    mode: Mode

    @property
    def listens(self) -> bool:
        """It does."""
        return True

    @property
    def is_random(self) -> bool:
        """Whether noise goes into the model."""
        return bool(session_of(self.path).spec.noise_shape)

    def play(self, song: Piece, seed: int) -> Tracks:
        """All its tracks, from the song's first bar on; drums are called so whatever the model calls them.

        The engine's settings are the default ones but for two: it does not thin out where the player plays little or
        rests. What is measured is the model's playing, and a rest in the melody is no player who has gone.

        Raises:
            ModelError: the model fails.
        """
        session = session_of(self.path)
        if self.mode == "live":
            settings = EngineConfig(seed=seed, beats_per_bar=song.beats_per_bar, follow_density=False, rest_bars=0)
            played = perform(session, song.melody, TempoMap(), settings, end_tick=song.end_tick)
        else:
            played = perform_with_foresight(
                session, song.melody, seed=seed, end_tick=song.end_tick, beats_per_bar=song.beats_per_bar
            )
        names = [DRUMS[0] if track.is_drums else track.name for track in session.spec.tracks]
        return dict(zip(names, played.notes, strict=True))


@lru_cache(maxsize=4)
def session_of(path: Path) -> Session:
    """The model, opened once in each process.

    Raises:
        ModelError: it cannot be opened, or plays drums alone.
        SpecMismatch: it cannot be served.
    """
    session = Session(path)
    if all(track.is_drums for track in session.spec.tracks):
        raise ModelError(f"the model {path} plays drums alone: there is no harmony to measure")
    return session
