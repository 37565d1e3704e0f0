from __future__ import annotations

import json

from training.evaluation.bootstrap import DIVERGENCE, Figure
from training.evaluation.report import as_json, figures_of, markdown, table

NOTHING = Figure(float("nan"), float("nan"), float("nan"), 0)
STANDING = {
    "model": {
        "note_in_chord": Figure(0.62, 0.6, 0.65, 9),
        "onsets_per_bar": Figure(16.04, 15.0, 17.5, 9),
        "polyphony": Figure(3.41, 3.3, 3.5, 9),
        "piano.qualified": NOTHING,
        "recovered": Figure(1.0, 1.0, 1.0, 9),
        DIVERGENCE: Figure(0.125, 0.1, 0.2, 9),
    },
    "people": {"note_in_chord": Figure(0.681, 0.66, 0.7, 9), DIVERGENCE: Figure(0.0, 0.0, 0.0, 9)},
}


def test_figures_stand_in_order_those_of_tracks_last() -> None:
    assert figures_of(STANDING) == [
        "note_in_chord",
        "onsets_per_bar",
        DIVERGENCE,
        "polyphony",
        "recovered",
        "piano.qualified",
    ]
    assert figures_of({"people": STANDING["people"]}) == ["note_in_chord", DIVERGENCE]


def test_a_wide_terminal_has_contestants_beside_each_other() -> None:
    lines = table(STANDING, 80).splitlines()
    assert lines[0].split() == ["model", "people"]
    assert lines[1].split() == ["note_in_chord", "0.620", "±0.030", "0.681", "±0.021"]
    assert lines[2].split() == ["onsets_per_bar", "16.0", "±1.5", "-"]
    assert lines[-1].split() == ["piano.qualified", "-", "-"]
    assert max(map(len, lines)) <= 80


def test_a_narrow_terminal_has_them_below_each_other_each_with_its_own_figures() -> None:
    first, second = table(STANDING, 44).split("\n\n")
    assert first.splitlines()[0].split() == ["model"]
    assert [line.split()[0] for line in second.splitlines()[1:]] == ["note_in_chord", DIVERGENCE]
    assert table(STANDING, 1) == table(STANDING, 44)  # one at least


def test_markdown_has_the_whole_interval() -> None:
    text = markdown(STANDING, "Figures", ["On nine songs."])
    assert text.startswith("# Figures\n\nOn nine songs.\n\n| figure | model | people |\n| --- | --- | --- |\n")
    assert "| `note_in_chord` | 0.620 [0.600, 0.650] | 0.681 [0.660, 0.700] |\n" in text
    assert text.endswith("| `piano.qualified` |  |  |\n")


def test_json_has_null_for_what_nobody_could_measure() -> None:
    found = json.loads(json.dumps(as_json(STANDING), allow_nan=False))
    assert found["model"]["piano.qualified"] == {"mean": None, "low": None, "high": None, "songs": 0}
    assert found["people"]["note_in_chord"] == {"mean": 0.681, "low": 0.66, "high": 0.7, "songs": 9}
