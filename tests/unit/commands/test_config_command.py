from __future__ import annotations

import json
import tomllib
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from accompanist.cli import cli, main
from accompanist.commands.config import default_toml
from accompanist.config import Config, load_config, settings

ROOT = Path(__file__).parents[3]


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_settings_file_of_the_repository_is_in_step() -> None:
    written = (ROOT / "config.toml").read_text(encoding="utf-8")
    assert written == default_toml(), "write it anew: accompanist config explain --toml > config.toml"


def test_the_default_settings_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(run("config", "explain", "--toml"), encoding="utf-8")
    assert load_config(path) == Config()


def test_explain_names_every_setting_with_its_default_and_meaning() -> None:
    lines = run("config", "explain").splitlines()
    for setting in settings():
        (line,) = [line for line in lines if line.split()[:1] == [setting.key]]
        assert setting.meaning in line
        assert setting.kind in line


def test_explain_for_scripts() -> None:
    told = json.loads(run("config", "explain", "--json"))
    assert [each["key"] for each in told] == [setting.key for setting in settings()]
    assert {"key": "engine.bpm", "default": 120.0, "kind": "number, >= 30, <= 300"}.items() <= told[0].items()


def test_tracks_are_explained_and_stand_in_the_default_file_as_comments() -> None:
    text = default_toml()
    assert "\n# [serve.tracks.NAME]\n" in text
    assert "\n# transpose = 0\n" in text
    told = {setting.key: setting for setting in settings()}
    assert told["serve.tracks.NAME.channel"].kind == "whole number, >= 1, <= 16"
    assert told["serve.tracks.NAME.channel"].default is None
    assert "serve.tracks" not in told


def test_tracks_that_are_set_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[serve.tracks."first bass"]\nchannel = 3\n', encoding="utf-8")
    shown = tomllib.loads(run("--config", str(path), "config", "show"))
    assert shown["serve"]["tracks"] == {
        "first bass": {"channel": 3, "transpose": 0, "lowest": 0, "highest": 127, "port": ""}
    }


def test_show_is_what_is_in_force(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[engine]\nbpm = 96\n[train]\ndata = ['pop909']\n", encoding="utf-8")
    expected = json.loads(msgspec.json.encode(load_config(path)))
    assert (expected["engine"]["bpm"], expected["train"]["data"]) == (96, ["pop909"])
    assert tomllib.loads(run("--config", str(path), "config", "show")) == expected
    assert json.loads(run("--config", str(path), "config", "show", "--json")) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[engine]\nbmp = 96\n", "wrong.toml: there is no setting engine.bmp; the nearest is engine.bpm"),
        ("[motor]\nbpm = 96\n", "there is no setting motor"),
        ("[engine]\nbpm = 9\n", "wrong.toml: engine.bpm is 9; accepted: number, >= 30, <= 300"),
        ("[engine]\nbpm = nan\n", "engine.bpm is nan; accepted: number, >= 30"),
        ("[serve]\nprovider = 'gpu'\n", "serve.provider is 'gpu'; accepted: auto | cpu | cuda | tensorrt | coreml"),
        ("[train]\ndata = [1]\n", "train.data is [1]; accepted: list of text"),
        (
            "[serve.tracks.bass]\nvolume = 3\n[serve.tracks.piano]\nchannel = 17\n",
            "serve.tracks.piano.channel is 17; accepted: whole number, >= 1, <= 16",
        ),
        (
            "[serve.tracks.bass]\nchannels = 1\n",
            "no setting serve.tracks.bass.channels; the nearest is serve.tracks.NAME.channel",
        ),
        (
            "[serve.tracks.bass]\nlowest = 40\nhighest = 45\n",
            "serve.tracks.bass: lowest is 40 and highest is 45",
        ),
        (
            '[controls]\nmute.bass = "cc 20"\nmute.piano = "cc 120"\n',
            'controls.mute.piano is \'cc 120\'; accepted: such as "cc 20", "note C1 channel 10"',
        ),
        ('[controls]\nmute = "cc 20"\n', "controls.mute is 'cc 20'; accepted: such as"),
        ('[controls]\ndensity = "note 20"\n', "controls.density is 'note 20'; accepted: such as \"cc 21\""),
        ('[controls]\ndensty = "cc 20"\n', "no setting controls.densty; the nearest is controls.density"),
        ('[serve]\nsplit = "H9"\n', "serve.split is 'H9'; accepted: a note such as C3, where C4 is middle C"),
        ("[serve.tracks]\nbass = 3\n", "serve.tracks.bass: Expected `object`"),
        ("train = 3\n", "train: Expected `object`"),
        ("[engine\n", "not valid TOML"),
    ],
)
def test_a_wrong_settings_file_is_told_in_plain_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        main(["--config", str(path), "config", "show"])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert told in error
    assert "accompanist config explain" in error
