"""The network of the live model: a causal transformer over beats that names each beat's codes one after another.

Everything it reads is moved to the key of C by the key that the melody suggests (`training.live.key`), so that what it
learnt in one key it knows in all. What a beat's token is made of:

    the melody of the beat before (what of it is known), of the one before that, and of the eight to come where known
    the codes of the beat before, where shown; the codes of this beat that are given
    the place in the bar, the style, the key itself (a band has registers, which do not move with the key)

From the state of the token the chord is decided, from both the bass, from these the piano, and so on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from accompanist.music.harmony import CHORDS
from training.live.codes import STYLES, Layout
from training.live.key import KeyFinder

STEPS = 4
AHEAD_BEATS = 8
"""Beats to come whose melody a token may know, its own included."""
MELODY_FEATURES = STEPS * 16
"""Of each step: twelve pitch classes, silence, onset, height, and whether it is unknown."""
PLACES = 4
ATTENTION_BEATS = 48
"""Beats that a token attends to, its own included: twelve bars of four. More did not help (model log, entry 5)."""


class Shape(NamedTuple):
    """How large the network is.

    Args:
        width: Of a token.
        layers: Transformer layers.
        heads: Attention heads.
        melody_width: Of a beat of melody.
        dropout: While learning.
    """

    width: int = 192
    layers: int = 4
    heads: int = 6
    melody_width: int = 64
    dropout: float = 0.1


class Past(NamedTuple):
    """Keys and values of the tokens before, one pair a layer: each (B, heads, tokens, width / heads)."""

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]

    def followed_by(self, later: Past) -> Past:
        """The same and the tokens after them."""
        return Past(
            tuple(torch.cat(pair, dim=2) for pair in zip(self.keys, later.keys, strict=True)),
            tuple(torch.cat(pair, dim=2) for pair in zip(self.values, later.values, strict=True)),
        )


class Heard(NamedTuple):
    """What a token reads of the melody; beats are features as `melody_features` makes them.

    Args:
        before: (B, T, 2, F) the two beats before, the newer first; what of them is known.
        ahead: (B, T, 8, F) its own beat and those after it.
        ahead_known: (B, T, 8) whether each is known, 0 or 1.
    """

    before: Tensor
    ahead: Tensor
    ahead_known: Tensor


class Setting(NamedTuple):
    """What a token is told beside notes.

    Args:
        place: (B, T) beat in the bar.
        meter: (B, T) beats of the bar, 3 or 4.
        style: (B, T) place in `STYLES`, -1 for none.
        key: (B, T) by how much everything was moved down: the tonic of the key assumed.
    """

    place: Tensor
    meter: Tensor
    style: Tensor
    key: Tensor


_Parts = TypeVar("_Parts", Heard, Setting)


def cut(parts: _Parts, beats: slice) -> _Parts:
    """The same of some beats only."""
    return type(parts)(*(part[:, beats] for part in parts))


def rotary(length: int, width: int, first: int = 0) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary position embedding (Su et al. 2021): each (length, width / 2)."""
    rates = 1.0 / (10_000.0 ** (torch.arange(0, width, 2, dtype=torch.float32) / width))
    angles = torch.arange(first, first + length, dtype=torch.float32)[:, None] * rates
    return angles.cos(), angles.sin()


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def _attended(query: Tensor, parts: Sequence[tuple[Tensor, Tensor]], mask: Tensor) -> Tensor:
    """Attention to keys and values that come in parts: a long past need not be copied for each new token."""
    query = query * query.shape[-1] ** -0.5
    scores = torch.cat([query @ key.transpose(-1, -2) for key, _ in parts], dim=-1) + mask
    shares = scores.softmax(dim=-1)
    seen, at = torch.zeros(()), 0
    for _, value in parts:
        seen = seen + shares[..., at : at + value.shape[2]] @ value
        at += value.shape[2]
    return seen


class Block(nn.Module):
    """A transformer layer: normalised before, rotary positions."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.drop = nn.Dropout(shape.dropout)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor], mask: Tensor, past: Sequence[tuple[Tensor, Tensor]] = ()
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, width) to the same, with this layer's keys and values of these tokens.

        Args:
            x: The tokens.
            turn: Rotary cosines and sines of their positions.
            mask: Added to the scores: broadcasts to (B, heads, T, all tokens).
            past: Keys and values of the tokens before, in any number of parts.
        """
        batch, tokens, width = x.shape
        heads = self.heads
        qkv = self.qkv(self.norm1(x)).view(batch, tokens, 3 * heads, width // heads).transpose(1, 2)
        turned = _turned(qkv[:, : 2 * heads], *turn)
        query, key, value = turned[:, :heads], turned[:, heads:], qkv[:, 2 * heads :]
        if past:
            seen = _attended(query, [*past, (key, value)], mask)
        else:
            seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.drop(self.out(seen.transpose(1, 2).reshape(batch, tokens, width)))
        x = x + self.drop(self.down(functional.gelu(self.up(self.norm2(x)))))
        return x, key, value


class LiveNetwork(nn.Module):
    """The network.

    Args:
        layout: How many of each code there are.
        shape: Its size.
    """

    def __init__(self, layout: Layout, shape: Shape = Shape()) -> None:  # noqa: B008 (a named tuple: nobody changes it)
        super().__init__()
        self.layout, self.shape = layout, shape
        width = shape.width
        self.keys = KeyFinder()
        self.melody = nn.Sequential(
            nn.Linear(MELODY_FEATURES, 2 * shape.melody_width),
            nn.GELU(),
            nn.Linear(2 * shape.melody_width, shape.melody_width),
        )
        self.unknown = nn.Parameter(0.02 * torch.randn(AHEAD_BEATS, shape.melody_width))
        self.beats = nn.Linear((2 + AHEAD_BEATS) * shape.melody_width, width)
        # One row more than there are values of a code: hidden, or open. What a value means is learnt once, for reading
        # what was said and what is given, for what was just decided, and for deciding.
        self.codes = nn.ModuleList(nn.Embedding(size + 1, width) for size in layout.sizes)
        self.said = nn.Linear(width, width, bias=False)
        self.given = nn.Linear(width, width, bias=False)
        self.root = nn.Embedding(13, width)  # of the beat before, as it sounds
        self.place = nn.Embedding(2 * PLACES, width)
        self.style = nn.Embedding(len(STYLES) + 1, width)
        self.key = nn.Embedding(12, width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(width)
        self.root_now = nn.Embedding(13, width)
        self.steps = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
            for _ in range(layout.decisions)
        )
        self.asks = nn.ModuleList(nn.LayerNorm(width) for _ in layout.sizes)
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(size)) for size in layout.sizes)
        self.apply(_initialised)

    def tokens(self, heard: Heard, said: Tensor, given: Tensor, setting: Setting) -> Tensor:
        """The tokens of some beats.

        Args:
            heard: What each reads of the melody.
            said: (B, T, codes) the codes of the beat before each, the chord moved with the key; -1 where hidden.
            given: (B, T, codes) of its own beat; -1 for the model's to choose.
            setting: The rest.

        Returns:
            (B, T, width).
        """
        x = self.hearing(self.melody(heard.before), self.melody(heard.ahead), heard.ahead_known)
        return x + self.placing(given, setting) + self.saying(said, setting.key)

    def hearing(self, before: Tensor, ahead: Tensor, ahead_known: Tensor) -> Tensor:
        """A token's melody, of beats that `melody` has read: (B, T, 2, m), (B, T, 8, m), (B, T, 8) to (B, T, width)."""
        known = ahead_known[..., None]
        ahead = (known * ahead + (1 - known) * self.unknown).flatten(2)
        out: Tensor = self.beats(torch.cat([before.flatten(2), ahead], dim=-1))
        return out

    def placing(self, given: Tensor, setting: Setting) -> Tensor:
        """What a token is told of its own beat: (B, T, width)."""
        meant = torch.stack([self.meaning(code, given[..., code]) for code in range(self.layout.decisions)])
        return self.told(setting) + cast("Tensor", self.given(meant.sum(dim=0)))

    def told(self, setting: Setting) -> Tensor:
        """What a token is told beside notes: (B, T, width)."""
        x = self.place(setting.place + PLACES * (setting.meter == 3).long()) + self.key(setting.key)
        out: Tensor = x + self.style(torch.where(setting.style < 0, len(STYLES), setting.style))
        return out

    def saying(self, said: Tensor, key: Tensor) -> Tensor:
        """What was said in the beat before: (B, T, codes) to (B, T, width)."""
        x = self.root(self.sounding_root(said[..., 0], key))
        meant = torch.stack([self.meaning(code, said[..., code]) for code in range(self.layout.codes)])
        return cast("Tensor", x + self.said(meant.sum(dim=0)))

    def table(self) -> tuple[Tensor, list[int]]:
        """What all values of all codes stand for, one below the other, and the row at which each code's begin."""
        rows = [cast("nn.Embedding", embedding).weight for embedding in self.codes]
        return torch.cat(rows), [sum(len(row) for row in rows[:code]) for code in range(len(rows))]

    def meaning(self, code: int, value: Tensor) -> Tensor:
        """What a code's value stands for: (...) to (..., width); -1 is hidden, or open."""
        meant: Tensor = self.codes[code](torch.where(value < 0, self.layout.sizes[code], value))
        return meant

    @staticmethod
    def sounding_root(chord: Tensor, key: Tensor) -> Tensor:
        """The root of a chord that was moved with the key, as it sounds, 0 to 11; 12 where there is none."""
        return torch.where((chord < 0) | (chord >= CHORDS), 12, (chord % 12 + key) % 12)

    def read(self, tokens: Tensor, mask: Tensor, *past: Past, first: int = 0) -> tuple[Tensor, Past]:
        """The states of some tokens.

        Args:
            tokens: (B, T, width).
            mask: Added to the scores of attention: broadcasts to (B, heads, T, tokens before + T).
            past: What is known of the tokens before, in any number of parts.
            first: The position of the first token.

        Returns:
            (B, T, width), and what later tokens need of these.
        """
        cos, sin = rotary(tokens.shape[1], self.shape.width // self.shape.heads, first)
        turn = cos.to(tokens.device), sin.to(tokens.device)
        keys, values = [], []
        x = tokens
        for layer, block in enumerate(self.blocks):
            before = [(part.keys[layer], part.values[layer]) for part in past]
            x, key, value = block(x, turn, mask, before)
            keys.append(key)
            values.append(value)
        return self.norm(x), Past(tuple(keys), tuple(values))

    def logits(self, state: Tensor, codes: Tensor, key: Tensor) -> list[Tensor]:
        """What the network would say of each code, were those before it as they are.

        Args:
            state: (..., width).
            codes: (..., codes) the beat's own, the chord moved with the key; -1 where unknown.
            key: (...) the key assumed.

        Returns:
            For each code (..., its size).
        """
        out = []
        for code in range(len(self.layout.sizes)):
            out.append(self.logits_of(state, code))
            if code < self.layout.decisions:
                state = self.after(state, code, codes[..., code], key)
        return out

    def logits_of(self, state: Tensor, code: int) -> Tensor:
        """(..., width) to (..., values of a code)."""
        values = cast("nn.Embedding", self.codes[code]).weight[:-1]
        return functional.linear(self.asks[code](state), values, self.biases[code])

    def after(self, state: Tensor, code: int, value: Tensor, key: Tensor) -> Tensor:
        """The state after a code was decided; loudness leads to nothing more."""
        x = state + self.meaning(code, value)
        if code == 0:
            x = x + self.root_now(self.sounding_root(value, key))
        return cast("Tensor", x + self.steps[code](x))


def causal_mask(tokens: int, device: torch.device | None = None) -> Tensor:
    """(tokens, tokens), added to scores: nobody looks ahead, or further back than `ATTENTION_BEATS`."""
    unseen = torch.full((tokens, tokens), float("-inf"), device=device)
    return unseen.triu(1) + unseen.tril(-ATTENTION_BEATS)


def melody_features(pitch: Tensor, struck: Tensor, known: Tensor, key: Tensor) -> Tensor:
    """A melody as the network reads it.

    Args:
        pitch: (..., 4 steps) MIDI pitch, -1 for silence.
        struck: (..., 4) booleans: a note begins.
        known: (..., 4) booleans: somebody has heard that step.
        key: (...) tonic of the key assumed.

    Returns:
        (..., 4 x 16).
    """
    sounds = (pitch >= 0) & known
    place = torch.where(sounds, (pitch - key[..., None]) % 12, torch.where(known, 12, 15))
    features = functional.one_hot(place.long(), 16).to(torch.float32)
    features[..., 13] = (struck & sounds).to(torch.float32)
    features[..., 14] = torch.where(sounds, (pitch.to(torch.float32) - 68.0) / 12.0, torch.zeros(()))
    return features.flatten(-2)


def _initialised(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=module.weight.shape[1] ** -0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=0.05)
