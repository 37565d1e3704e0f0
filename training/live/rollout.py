"""Free-running play, many songs at once: the model hears a melody beat by beat and lives with what it has played."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from training.live.batches import Stretch, heard_of, moved_chords, setting_of
from training.live.codes import UNKNOWN
from training.live.network import AHEAD_BEATS, ATTENTION_BEATS, Heard, LiveNetwork, Past, Setting, cut

Temperatures = Sequence[float]
"""For each code: 0 takes the likeliest, 1 draws as the network says."""
PLAY_TEMPERATURES = (0.25, 0.9, 0.9, 1.0, 0.77, 0.77, 0.77, 0.77, 0.77)
"""As it plays, in the order of the codes: a harmony that is rather certain, figures that vary, drums that vary less."""


class Situation(NamedTuple):
    """What is known while it plays.

    Args:
        heard: Of the melody, by each beat.
        setting: Place, style, key.
        given: (B, T, codes) what others play; -1 for the model's to choose.
        shown: Whether the model sees what it played.
    """

    heard: Heard
    setting: Setting
    given: Tensor
    shown: bool = True

    def to(self, device: torch.device) -> Situation:
        """The same elsewhere."""
        heard = Heard(*(part.to(device) for part in self.heard))
        setting = Setting(*(part.to(device) for part in self.setting))
        return Situation(heard, setting, self.given.to(device), self.shown)


def live_situation(stretch: Stretch, key: Tensor, *, missing_steps: int = 1, foresight: bool = False) -> Situation:
    """As in live play, or with the melody known as a whole.

    Args:
        stretch: The songs.
        key: (B, T) the key assumed at each beat.
        missing_steps: Steps of the beat before that nobody has heard when the next one is planned.
        foresight: The whole melody is known.
    """
    count, length = key.shape
    late = torch.full((count, length), 0 if foresight else missing_steps)
    ahead = torch.full((count, length, AHEAD_BEATS), foresight)
    heard = heard_of(stretch, key, late, ahead, torch.zeros(count, length, dtype=torch.bool))
    given = torch.full_like(stretch.codes, UNKNOWN)
    return Situation(heard, setting_of(stretch, key), given)


@torch.no_grad()
def rollout(network: LiveNetwork, situation: Situation, temperatures: Temperatures, source: torch.Generator) -> Tensor:
    """Play.

    Args:
        network: Put into evaluation mode by the caller where it should be.
        situation: What is known.
        temperatures: Of each code.
        source: Of the draws.

    Returns:
        (B, T, codes), chords moved with the key.
    """
    key = situation.setting.key
    length = key.shape[1]
    codes = torch.full_like(situation.given, UNKNOWN)
    hidden = torch.full_like(codes[:, :1], UNKNOWN)
    past: tuple[Past, ...] = ()
    said = hidden
    for beat in range(length):
        now = slice(beat, beat + 1)
        tokens = network.tokens(cut(situation.heard, now), said, situation.given[:, now], cut(situation.setting, now))
        seen = torch.arange(beat, -1, -1, device=key.device) < ATTENTION_BEATS
        mask = torch.where(seen, 0.0, float("-inf"))[None]
        state, new = network.read(tokens, mask, *past, first=beat)
        past = (past[0].followed_by(new) if past else new,)
        codes[:, beat] = decide(network, state[:, 0], situation.given[:, beat], key[:, beat], temperatures, source)
        said = codes[:, now] if situation.shown else hidden
        if beat + 1 < length:  # what was said in another key
            said = moved_chords(said, (key[:, beat + 1] - key[:, beat])[:, None])
    return codes


def decide(  # noqa: PLR0917 (all that a decision depends on)
    network: LiveNetwork,
    state: Tensor,
    given: Tensor,
    key: Tensor,
    temperatures: Temperatures,
    source: torch.Generator,
) -> Tensor:
    """The codes of one beat, one after another: (B, width) to (B, codes)."""
    chosen = []
    for code, temperature in enumerate(temperatures):
        logits = network.logits_of(state, code)
        if temperature > 0:
            noise = torch.rand(logits.shape, generator=source, device=logits.device).clamp(1e-9, 1 - 1e-9)
            logits = logits - temperature * torch.log(-torch.log(noise))
        value = torch.where(given[:, code] >= 0, given[:, code], logits.argmax(dim=-1))
        chosen.append(value)
        if code < network.layout.decisions:
            state = network.after(state, code, value, key)
    return torch.stack(chosen, dim=-1)


def log_probabilities(logits: Sequence[Tensor], codes: Tensor) -> Tensor:
    """(B, T, codes) how likely each code was, as its logarithm; 0 where it is unknown."""
    found = [
        -functional.cross_entropy(part.flatten(0, -2), codes[..., code].flatten(), ignore_index=-1, reduction="none")
        for code, part in enumerate(logits)
    ]
    return torch.stack(found, dim=-1).view(codes.shape)
