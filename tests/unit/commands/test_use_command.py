"""`accompanist use`: the model that plays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.run_folders import make_run
from support.tiny import write_tiny_model

from accompanist import cli
from accompanist.commands import use as module
from accompanist.config import load_config
from accompanist.runtime.infer import Session
from accompanist.runtime.installed import default_model_path


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main([*arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return int(stop.value.code or 0), out, err


def test_a_model_file_is_taken_and_the_rest_of_the_settings_stays(capsys: pytest.CaptureFixture[str]) -> None:
    model = write_tiny_model(Path("mine.onnx"))
    Path("config.toml").write_text("# mine\n[engine]\nbpm = 90.0\n")
    code, out, _ = run(capsys, "use", "mine.onnx")
    assert code == 0
    assert "mine.onnx plays: bass, piano, strings (musegan)" in out
    found = load_config(None)
    assert (found.serve.model, found.engine.bpm) == (str(model.resolve()), 90.0)
    assert Path("config.toml").read_text().startswith("# mine\n")


def test_the_shipped_model_is_what_an_empty_setting_means(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    tiny = write_tiny_model(Path("tiny.onnx"))
    monkeypatch.setattr(module, "Session", lambda path: (opened.append(path), Session(tiny))[1])
    Path("my.toml").write_text('[serve]\nmodel = "gone.onnx"\n')
    code, out, _ = run(capsys, "--config", "my.toml", "use", "--json")
    assert code == 0
    assert json.loads(out)["settings"] == "my.toml"
    assert opened == [default_model_path()]
    assert load_config(Path("my.toml")).serve.model == ""


def test_a_run_is_exported_first_and_only_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_run(Path("runs"), "0001-mine")
    exported: list[Path] = []

    def export(*, out: Path, **_: object) -> None:
        exported.append(out)
        write_tiny_model(out)

    stand_in = cli.click.Command("export", callback=export)
    real = cli.LazyGroup.get_command
    monkeypatch.setattr(
        cli.LazyGroup, "get_command", lambda self, ctx, name: stand_in if name == "export" else real(self, ctx, name)
    )
    for _ in range(2):
        code, _, _ = run(capsys, "use", "mine")
        assert code == 0
    assert exported == [folder / "model.onnx"]
    assert load_config(None).serve.model == str((folder / "model.onnx").resolve())


def test_what_is_no_model_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "use", "nothing.onnx")
    assert (code, "cannot open the model nothing.onnx" in err) == (4, True)
    code, _, err = run(capsys, "use", "nobody")
    assert (code, "nobody is no model: neither default nor classic" in err) == (5, True)
    Path("text.onnx").write_text("no model")
    code, _, err = run(capsys, "use", "text.onnx")
    assert code == 4
    assert not Path("config.toml").exists()
