"""A trained run of the live model, ready to be exported."""

from __future__ import annotations

from pathlib import Path

from accompanist.runs.checkpoints import damaged
from training.checkpoint import RunInfo, names_in, read_tensors
from training.live import books
from training.live.codes import LAYOUT
from training.live.network import LiveNetwork
from training.live.player import LivePlayer
from training.live.recipe import shape_of
from training.live.rollout import PLAY_TEMPERATURES


def playing_in(checkpoint: Path) -> str:
    """Which of a checkpoint's networks plays: after the adversarial phase the mean of those it went through.

    Raises:
        TrainingError: the checkpoint is damaged.
    """
    return "average" if "average" in names_in(checkpoint) else "network"


def load_player(info: RunInfo) -> LivePlayer:
    """The graph that plays what a run has learnt, on the CPU and in evaluation mode.

    Raises:
        TrainingError: a file of the run is damaged or missing.
    """
    network = LiveNetwork(LAYOUT, shape_of(info.config))
    try:
        network.load_state_dict(read_tensors(info.checkpoint, playing_in(info.checkpoint)))
    except RuntimeError as error:  # torch's word for names or shapes that do not fit
        raise damaged(info.checkpoint, error) from error
    found = books.read(info.run)
    return LivePlayer(network, found, info.spec.tracks, PLAY_TEMPERATURES, context_beats=info.spec.context_beats).eval()
