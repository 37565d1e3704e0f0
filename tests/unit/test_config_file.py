from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from accompanist.config import load_config
from accompanist.config_file import write_settings
from accompanist.errors import ConfigError, StorageError

MINE = """\
# My settings.  Keep the remarks!
[engine]
bpm = 96   # as on the record

[controls]
# silences a track
# mute.NAME = ""
density = ''

# below: training
[train]
epochs = 3
"""


def written(tmp_path: Path, before: str, **values: str) -> str:
    path = tmp_path / "config.toml"
    path.write_bytes(before.encode())
    write_settings(path, {key.replace("__", "."): value for key, value in values.items()})
    load_config(path)
    return path.read_bytes().decode()


def test_a_setting_is_changed_where_it_stands(tmp_path: Path) -> None:
    after = written(tmp_path, MINE, controls__density="cc 21")
    assert after == MINE.replace("density = ''", 'density = "cc 21"')


def test_a_new_setting_is_added_at_its_tables_end_and_nothing_else_moves(tmp_path: Path) -> None:
    after = written(tmp_path, MINE, controls__mute__bass="cc 20")
    assert after == MINE.replace("density = ''\n", "density = ''\nmute.bass = \"cc 20\"\n")
    again = written(tmp_path, after, controls__mute__piano="cc 22", controls__mute__bass="note C1")
    assert again == MINE.replace("density = ''\n", 'density = \'\'\nmute.bass = "note C1"\nmute.piano = "cc 22"\n')


def test_a_table_of_its_own_is_used_where_there_is_one(tmp_path: Path) -> None:
    after = written(tmp_path, '[controls.mute]\nbass = "cc 1"\n[engine]\nbpm = 90\n', controls__mute__piano="cc 22")
    assert after == '[controls.mute]\nbass = "cc 1"\npiano = "cc 22"\n[engine]\nbpm = 90\n'


@pytest.mark.parametrize("before", ["", "# only a remark\n", "[engine]\nbpm = 90\n", "[engine]\nbpm = 90"])
def test_a_table_that_is_missing_is_made(tmp_path: Path, before: str) -> None:
    after = written(tmp_path, before, controls__mute__bass="cc 20", controls__panic="note 21")
    assert after.startswith(before)
    assert tomllib.loads(after)["controls"] == {"mute": {"bass": "cc 20"}, "panic": "note 21"}


def test_a_file_that_is_missing_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    write_settings(path, {"controls.mute.bass": "cc 20"})
    assert path.read_text(encoding="utf-8") == '[controls]\nmute.bass = "cc 20"\n'
    assert list(tmp_path.iterdir()) == [path]


def test_line_ends_of_windows_stay(tmp_path: Path) -> None:
    after = written(tmp_path, MINE.replace("\n", "\r\n"), controls__density="cc 21")
    assert after == MINE.replace("density = ''", 'density = "cc 21"').replace("\n", "\r\n")


def test_the_settings_file_of_the_repository_takes_every_kind(tmp_path: Path) -> None:
    before = (Path(__file__).parents[2] / "config.toml").read_text(encoding="utf-8")
    after = written(tmp_path, before, controls__mute__bass="cc 20", controls__continue="pedal 67")
    assert len(after.splitlines()) == len(before.splitlines()) + 1
    assert load_config(tmp_path / "config.toml").controls.mute == {"bass": "cc 20"}


@pytest.mark.parametrize(
    ("before", "key", "value"),
    [(MINE, "controls.density", "note 3"), (MINE, "controls.dance", "cc 3"), ("[engine\n", "controls.density", "cc 3")],
)
def test_what_is_wrong_is_refused_and_the_file_stays_as_it_was(
    tmp_path: Path, before: str, key: str, value: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(before, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"config\.toml"):
        write_settings(path, {key: value})
    assert path.read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        write_settings(tmp_path, {"controls.density": "cc 3"})
    with pytest.raises(StorageError, match="cannot write"):
        write_settings(tmp_path / "absent" / "config.toml", {"controls.density": "cc 3"})
