"""A trained run of the live model, ready to be exported."""

from __future__ import annotations

from accompanist.runs.checkpoints import damaged
from training.checkpoint import RunInfo, names_in, read_tensors
from training.live import books
from training.live.codes import LAYOUT
from training.live.network import LiveNetwork
from training.live.player import LivePlayer
from training.live.recipe import shape_of
from training.live.rollout import PLAY_TEMPERATURES


def load_player(info: RunInfo) -> LivePlayer:
    """The graph that plays what a run has learnt, on the CPU and in evaluation mode.

    Raises:
        TrainingError: a file of the run is damaged or missing.
    """
    network = LiveNetwork(LAYOUT, shape_of(info.config))
    try:
        plays = "average" if "average" in names_in(info.checkpoint) else "network"
        network.load_state_dict(read_tensors(info.checkpoint, plays))
    except RuntimeError as error:  # torch's word for names or shapes that do not fit
        raise damaged(info.checkpoint, error) from error
    found = books.read(info.run)
    return LivePlayer(network, found, info.spec.tracks, PLAY_TEMPERATURES, context_beats=info.spec.context_beats).eval()
