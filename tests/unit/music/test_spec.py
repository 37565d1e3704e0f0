from __future__ import annotations

import json
from typing import Any

import pytest

from accompanist.errors import SpecMismatch
from accompanist.music.spec import BAND, ModelSpec

SPEC = ModelSpec(
    kind="musegan",
    tracks=BAND,
    planes=2,
    context_steps=32,
    plan_steps=32,
    lag_steps=32,
    noise_shape=(512, 2, 8),
    licences=("CC0",),
    export_error=1e-6,
)


def changed(**fields: Any) -> str:
    return json.dumps(json.loads(SPEC.to_json()) | fields)


def test_a_spec_survives_its_json() -> None:
    assert ModelSpec.from_json(SPEC.to_json()) == SPEC


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not json", "cannot be read"),
        ("[]", "cannot be read"),
        (changed(kind=3), r"\$\.kind"),
        (changed(colour="red"), "colour"),
        (changed(version=2, colour="red"), "is of version 2, this program serves version 1"),
        (changed(steps_per_beat=6), "6 steps per beat, this program serves 4"),
        (changed(planes=3), "3 planes, this program serves 1 or 2"),
        (changed(tracks=[]), "no tracks"),
        (changed(plan_steps=0), "plan of 0 steps"),
    ],
)
def test_what_cannot_be_served_is_refused_with_both_sides_named(text: str, says: str) -> None:
    with pytest.raises(SpecMismatch, match=says) as caught:
        ModelSpec.from_json(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("channel", 16, "<= 15"),
        ("program", 128, "127"),
        ("lowest", 90, "lowest pitch of 90 above the highest of 57 in track 'bass'"),
        ("highest", 128, "127"),
        ("polyphony", 0, ">= 1"),
        ("shortest_steps", 0, ">= 1"),
        ("velocity", 0, ">= 1"),
        ("channel", 1, "two tracks on one MIDI channel"),
    ],
)
def test_impossible_tracks_are_refused(field: str, value: int, says: str) -> None:
    tracks = json.loads(SPEC.to_json())["tracks"]
    tracks[0][field] = value
    with pytest.raises(SpecMismatch, match=says):
        ModelSpec.from_json(changed(tracks=tracks))


def test_the_house_band_can_be_served_and_played() -> None:
    assert [track.name for track in ModelSpec.from_json(SPEC.to_json()).tracks] == ["bass", "piano", "strings"]
