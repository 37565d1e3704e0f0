from __future__ import annotations

import os
from pathlib import Path

import pytest

from accompanist.console import sounds
from accompanist.console.sounds import Sounds
from accompanist.music.note import Note
from accompanist.music.song import MidiSong, MidiTrack
from accompanist.render.sound import render_wav


def _song(pitch: int) -> MidiSong:
    return MidiSong((MidiTrack("melody", (Note(0, pitch, 120, 80),)),))


def _built_in(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    rendered = []

    def render(song: MidiSong, path: Path) -> str:
        rendered.append(path)
        return render_wav(song, path, synthesiser="built-in")

    monkeypatch.setattr(sounds, "render_wav", render)
    return rendered


def test_a_song_is_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = _built_in(monkeypatch)
    kept = Sounds(tmp_path)
    first = kept.of(_song(60))
    assert kept.of(_song(60)) == first
    assert first.read_bytes().startswith(b"RIFF")
    assert kept.of(_song(62)) != first
    assert len(rendered) == 2


def test_the_folder_stays_small_and_what_was_just_asked_for_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _built_in(monkeypatch)
    kept = Sounds(tmp_path, most_bytes=1)
    first = kept.of(_song(60))
    os.utime(first, (0, 0))
    second = kept.of(_song(62))
    assert second.is_file()
    assert not first.exists()
    assert [path.name for path in tmp_path.iterdir()] == [second.name]
