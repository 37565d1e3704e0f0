from __future__ import annotations

from pathlib import Path

import pytest
from replay.transcript import OUTPUT, rewritten

TRANSCRIPTS = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_engine_plays_what_the_transcript_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert rewritten(text).splitlines() == text.splitlines()


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_says_what_the_engine_did_and_how_it_ended(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert any(line.startswith(OUTPUT) for line in lines)
    assert [line.split()[1] for line in lines if line[:1].isdigit()][-1] == "end"


def test_what_the_engine_says_does_not_depend_on_what_stood_there() -> None:
    text = TRANSCRIPTS[0].read_text(encoding="utf-8")
    bare = "\n".join(line for line in text.splitlines() if not line.startswith(OUTPUT))
    assert rewritten(bare) == text
    assert rewritten(text.replace("> ", "> 9", 1)) == text


def test_an_input_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no such input: '0\.0 dance'"):
        rewritten("bpm = 120\n0.0 dance\n")
