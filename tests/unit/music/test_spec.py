from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from support.live import LIVE_SPEC

from accompanist.errors import SpecMismatch
from accompanist.music.spec import BAND, LIVE_BAND, ModelSpec

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


def test_the_live_ensemble_is_the_house_band_and_a_drummer() -> None:
    spec = msgspec.structs.replace(SPEC, tracks=LIVE_BAND)
    assert ModelSpec.from_json(spec.to_json()).tracks[:3] == BAND
    assert [track.name for track in LIVE_BAND if track.is_drums] == ["drums"]


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
        (changed(ahead_steps=-4), "-4 steps ahead, this program serves whole beats of 4"),
        (changed(ahead_steps=6), "6 steps ahead"),
        (changed(styles=["pop", "pop"]), "two styles of one name among pop, pop"),
        (changed(codes=-1), "-1 codes per beat, this program serves 0 or more"),
        (changed(codes=3), "codes and a lag of 32 steps, this program serves codes with a lag of 0"),
        (changed(codes=3, lag_steps=0, context_steps=30), "codes and a context of 30 steps"),
        (changed(codes=3, lag_steps=0, plan_steps=30), "codes and a plan of 30 steps"),
        (changed(codes=3, lag_steps=0, moment_input="melody"), "one name for two inputs or outputs"),
        (changed(codes=3, lag_steps=0, codes_output="tracks"), "one name for two inputs or outputs"),
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


def test_a_spec_with_codes_survives_its_json_and_tells_its_lengths() -> None:
    spec = ModelSpec.from_json(LIVE_SPEC.to_json())
    assert spec == LIVE_SPEC
    assert (spec.context_beats, spec.plan_beats, spec.melody_steps, spec.planes_out) == (16, 8, 128, 3)


def test_a_spec_from_before_there_were_codes_can_still_be_read() -> None:
    fields = json.loads(SPEC.to_json())
    for name in ("velocity", "ahead_steps", "codes", "codes_input", "moment_input", "codes_output"):
        del fields[name]
    assert ModelSpec.from_json(json.dumps(fields)) == SPEC
    assert (SPEC.melody_steps, SPEC.planes_out, SPEC.codes) == (32, 2, 0)


def test_the_house_band_can_be_served_and_played() -> None:
    assert [track.name for track in ModelSpec.from_json(SPEC.to_json()).tracks] == ["bass", "piano", "strings"]
