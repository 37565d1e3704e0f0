"""The live model as it is exported: one graph from what the engine knows to the rolls of the next eight beats.

    melody, moment -> key -> tokens of the beats so far -> states (read once)
                   -> for each of eight beats: token -> state -> codes, one after another
    codes -> figures under their chords -> rolls and velocities

Everything is moved to the key of C and back in here, so the outside never hears of it. Noise makes the choices: what
comes in normal is bent to Gumbel's shape, and the likeliest of logits + noise is taken, which is a draw from the
network's own probabilities (Gumbel-max; Maddison et al. 2014). With no noise at all it is the likeliest code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from accompanist.music.harmony import CHORDS
from accompanist.music.spec import TrackSpec
from training.live.figures import FigureBook
from training.live.key import Melody
from training.live.network import (
    AHEAD_BEATS,
    ATTENTION_BEATS,
    PLACES,
    LiveNetwork,
    Past,
    Setting,
    melody_features,
)
from training.live.rendering import Rendering

PLAN_BEATS = 8
MELODY_AHEAD_BEATS = PLAN_BEATS + AHEAD_BEATS
"""Beats from the plan's beginning on whose melody the last planned beat may know."""
CONTEXT_BEATS = 132
"""Beats of the past: 33 bars in four, 44 in three; a whole number of either, so that the place in the bar goes on."""
STEPS = 4
FORCE = 1e6
"""Added to a given code's logit: far above anything a network says."""


class LivePlayer(nn.Module):
    """The graph.

    Args:
        network: Trained.
        books: By track.
        tracks: The ensemble, in the order of the network's tracks.
        temperatures: Of each code, for a noise of 1: below 1 the likelier choices are made likelier still.
        context_beats: Beats of the past that it is given: it looks for the key in all of them and reads the last.
    """

    first_rows: Tensor
    hidden: Tensor
    starts: Tensor
    choices: Tensor
    warmth: Tensor

    def __init__(
        self,
        network: LiveNetwork,
        books: Mapping[str, FigureBook],
        tracks: Sequence[TrackSpec],
        temperatures: Sequence[float],
        *,
        context_beats: int = CONTEXT_BEATS,
    ) -> None:
        super().__init__()
        self.network = network
        self.context = context_beats
        self.reads = min(context_beats, ATTENTION_BEATS)
        sizes = network.layout.sizes
        self.noise_shape = (PLAN_BEATS, sum(sizes))
        # One table of all codes' values: a beat's codes are looked up at once, and a head is a slice of it.
        table, rows = network.table()
        self.table = nn.Parameter(table.detach().clone())
        self.rows = rows
        self.register_buffer("first_rows", torch.tensor(rows))
        self.register_buffer("hidden", torch.tensor(sizes))
        self.register_buffer("starts", torch.tensor([sum(sizes[:code]) for code in range(len(sizes))]))
        self.register_buffer("choices", torch.arange(sum(sizes)))
        warmth = torch.tensor(temperatures).repeat_interleave(torch.tensor(sizes))
        self.register_buffer("warmth", warmth)
        self.band = Rendering(books, tracks, network.layout.figures)

    def forward(self, melody: Tensor, noise: Tensor, codes: Tensor, moment: Tensor) -> tuple[Tensor, Tensor]:
        """Plan eight beats.

        Args:
            melody: (1, 2 planes, (context + 16 beats) x 4 steps, 128), a note where above 0.
            noise: (1, 8, choices) standard normal; 0 for the likeliest plan.
            codes: (1, context + 8 beats, codes): those of the past, and those given of the plan; -1 unknown or open.
            moment: (1, 5): first step of the song in the window, first step nobody has heard, beat in its bar of the
                plan's first, beats of a bar, style.

        Returns:
            (1, tracks x 3 planes, 32 steps, 128): onsets and held cells as -1 and 1, velocities / 127; and the codes of
            the plan (1, 8, codes).
        """
        first_beat = (moment[0, 0] + STEPS - 1) // STEPS
        heard = self._melody(melody, moment)
        beat = torch.arange(self.context + MELODY_AHEAD_BEATS)
        key = self.network.keys.key_at(self.network.keys.evidence(heard), (self.context - 1 - beat).abs())
        ahead_beats = torch.clamp(moment[0, 1] // STEPS - self.context, 0, MELODY_AHEAD_BEATS)
        # The key is found in all that was heard; of the rest the network reads the end.
        skipped = self.context - self.reads
        near = Melody(*(part[:, skipped:] for part in heard))
        hearing = self._hearing(near, key, ahead_beats)
        setting = self._setting(near, moment[:, 4:5], key)
        chosen = self._plan(hearing, setting, self._moved(codes[:, skipped:], key), noise, first_beat - skipped)
        plan = self._moved(chosen, -key)
        return self.band(plan[0], key.expand(PLAN_BEATS)).flatten(0, 1)[None], plan

    def _melody(self, melody: Tensor, moment: Tensor) -> Melody:
        """What was heard, of all beats of the window."""
        held = (melody[:, 1] > 0).to(torch.int64)
        number = torch.arange(1, 129)
        pitch = (held * number).amax(dim=-1) - 1
        onsets = (melody[:, 0] > 0).to(torch.int64)
        struck = ((onsets * number).amax(dim=-1) - 1 == pitch) & (pitch >= 0)
        step = torch.arange(melody.shape[2])
        known = ((step >= moment[0, 0]) & (step < moment[0, 1]))[None]
        per_bar = moment[:, 3:4]
        meter = torch.where(per_bar % 3 == 0, 3, torch.where(per_bar == 2, 2, 4))
        beats = torch.arange(self.context + MELODY_AHEAD_BEATS)[None] - self.context
        place = (moment[:, 2:3] + beats) % torch.where(per_bar > PLACES, meter, per_bar)
        pitch, struck, known = (part.reshape(1, -1, STEPS) for part in (pitch, struck, known))
        return Melody(pitch, struck, known, torch.clamp(place, 0, PLACES - 1), meter.expand_as(place))

    def _hearing(self, heard: Melody, key: Tensor, ahead_beats: Tensor) -> Tensor:
        """The tokens' melody; the first token is that of the second beat, the last that of the plan's last beat."""
        pitch, struck, known = heard[:3]
        beats = self.reads + PLAN_BEATS
        unheard = torch.zeros_like(known[:, :1])
        nothing = melody_features(torch.full_like(pitch[:, :1], -1), unheard, unheard, key[:, None])
        features = torch.cat([nothing, melody_features(pitch, struck, known, key[:, None])], dim=1)
        read = self.network.melody(features)  # one beat late: each beat is read once, for all tokens
        before = torch.stack([read[:, 1:beats], read[:, : beats - 1]], dim=2)
        index = torch.arange(1, beats)[:, None] + torch.arange(AHEAD_BEATS)
        # Of the past it is told no more than it was then: as much of the time to come as it knows now.
        planned = torch.arange(1, beats)[:, None] >= self.reads
        sees = (planned & (index < self.reads + ahead_beats)) | (
            ~planned & (torch.arange(AHEAD_BEATS)[None] < ahead_beats)
        )
        ahead = functional.embedding(index, read[0, 1:])[None]
        return self.network.hearing(before, ahead, sees[None].to(torch.float32))

    def _setting(self, heard: Melody, style: Tensor, key: Tensor) -> Setting:
        """Of the same tokens."""
        count = self.reads + PLAN_BEATS - 1
        of_tokens = slice(1, 1 + count)
        return Setting(
            heard.place[:, of_tokens], heard.meter[:, of_tokens], style.expand(1, count), key[:, None].expand(1, count)
        )

    def _moved(self, codes: Tensor, key: Tensor) -> Tensor:
        chord = codes[..., :1]
        moved = chord // 12 * 12 + (chord - key) % 12
        return torch.cat([torch.where((chord >= 0) & (chord < CHORDS), moved, chord), codes[..., 1:]], dim=-1)

    def _plan(self, hearing: Tensor, setting: Setting, codes: Tensor, noise: Tensor, first_beat: Tensor) -> Tensor:
        """The codes of the plan, chords still moved with the key: (1, 8, codes)."""
        reads, network = self.reads, self.network
        given = codes[:, reads:]
        open_ = torch.full_like(given[:, :1], -1)
        told = network.told(setting) + network.given(
            self._meanings(torch.cat([open_.expand(1, reads - 1, -1), given], dim=1), network.layout.decisions)
        )
        tokens = hearing + told
        beat = torch.arange(reads)
        exists = torch.where(beat + 1 >= first_beat, 0.0, float("-inf"))
        # A token that does not exist sees itself, so that attention has something to share out.
        mask = torch.where(
            beat[None] == beat[:, None], 0.0, torch.where(beat[None] < beat[:, None], exists[None], float("-inf"))
        )
        # The roots of all chords as they sound in this key: looked up once.
        roots = network.sounding_root(torch.arange(CHORDS + 2), setting.key[0, :1])
        said_roots, new_roots = network.root(roots), network.root_now(roots)
        said = self._saying(codes[:, :reads], said_roots)
        states, past = network.read(tokens[:, :reads] + said, mask, first=1)
        bias = gumbel(noise) * self.warmth + self._forced(given)
        mask = torch.cat([exists, torch.zeros(PLAN_BEATS)])[None]
        plan = [self._decide(states[0, -1:], bias[:, 0], new_roots)]
        planned: Past | None = None  # apart from the past, which is long and would be copied for each beat
        for number in range(1, PLAN_BEATS):
            at = reads - 1 + number
            token = tokens[:, at : at + 1] + self._saying(plan[-1][:, None], said_roots)
            parts = (past,) if planned is None else (past, planned)
            states, new = network.read(token, mask[:, : at + 1], *parts, first=at + 1)
            planned = new if planned is None else planned.followed_by(new)
            plan.append(self._decide(states[0], bias[:, number], new_roots))
        return torch.stack(plan, dim=1)

    def _meanings(self, codes: Tensor, count: int) -> Tensor:
        """The sum of what the first codes of each beat stand for: (1, beats, codes) to (1, beats, width)."""
        rows = torch.where(codes < 0, self.hidden, codes) + self.first_rows
        return functional.embedding(rows[..., :count], self.table).sum(dim=2)

    def _saying(self, said: Tensor, roots: Tensor) -> Tensor:
        chord = torch.where(said[..., 0] < 0, CHORDS + 1, said[..., 0])
        meant = self.network.said(self._meanings(said, self.network.layout.codes))
        return functional.embedding(chord, roots) + cast("Tensor", meant)

    def _forced(self, given: Tensor) -> Tensor:
        """What makes a given code the likeliest: (1, 8, codes) to (1, 8, choices)."""
        there = torch.where(given < 0, -1, given + self.starts)[..., None] == self.choices
        return FORCE * there.to(torch.float32).sum(dim=2)

    def _decide(self, state: Tensor, bias: Tensor, roots: Tensor) -> Tensor:
        """(1, width) and (1, choices) to (1, codes): as `LiveNetwork.logits_of` and `after` have it."""
        network, chosen, at = self.network, [], 0
        for code, size in enumerate(network.layout.sizes):
            meanings = self.table[self.rows[code] : self.rows[code] + size]
            logits = functional.linear(network.asks[code](state), meanings, network.biases[code])
            value = (logits + bias[:, at : at + size]).argmax(dim=-1)
            at += size
            chosen.append(value)
            if code < network.layout.decisions:
                x = state + functional.embedding(value + self.rows[code], self.table)
                if code == 0:
                    x = x + functional.embedding(value, roots)
                state = x + network.steps[code](x)
        return torch.stack(chosen, dim=-1)


def gumbel(normal: Tensor) -> Tensor:
    """Standard normal noise as noise of the standard Gumbel distribution; 0 becomes its median."""
    share = 0.5 * (1 + torch.erf(normal * 0.5**0.5))
    return -torch.log(-torch.log(torch.clamp(share, 1e-6, 1 - 1e-6)))
