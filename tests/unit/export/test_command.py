from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
pytest.importorskip("onnx", reason="needs the export extra: pip install -e '.[export]'")

from support.runs import begin, train

from accompanist.cli import main
from export import command
from training import origin


@pytest.mark.parametrize("name", ["1", "0001-musegan-chorales", "PATH", "CHECKPOINT"])
def test_a_run_is_found_as_training_finds_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(origin, "_commit", lambda: "c" * 12)
    # Tracing a network takes seconds and has tests of its own: here it is which run that counts.
    monkeypatch.setattr(command, "to_onnx", lambda *_: None)
    monkeypatch.setattr(command, "_saved_if_equal", lambda *arguments: arguments[3].write_bytes(b"model") and 0.0)
    run = begin(tmp_path / "runs")
    train(run, stop_after=2)
    monkeypatch.setattr(origin, "_commit", lambda: "d" * 12)  # exported by another program than trained it
    chosen = {"PATH": str(run.path), "CHECKPOINT": str(run.checkpoints / "step-00000002")}.get(name, name)
    with pytest.raises(SystemExit) as stopped:
        main(["export", chosen, "--runs", str(tmp_path / "runs"), "-o", str(tmp_path / "m.onnx"), "--json"])
    assert stopped.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["checkpoint"] == str(run.checkpoints / "step-00000002")
    assert told["trained"].startswith("run 0001-musegan-chorales, data chorales, width 4, step 2, ")
    assert told["trained"].endswith(f"accompanist {version('accompanist')}, commit {'c' * 12}")


def test_a_run_that_is_not_there_is_told_with_those_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["export", "7", "--runs", str(tmp_path)])
    assert stopped.value.code == 5
    assert "there is no training run 7" in (printed := capsys.readouterr().err)
    assert "holds 0001-musegan-chorales" in printed


def test_a_folder_is_no_place_for_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["export", "some-run", "-o", str(tmp_path)])
    assert stopped.value.code == 9
    printed = capsys.readouterr().err
    assert "is a folder, and a model is a file" in printed
    assert str(tmp_path / "model.onnx") in printed
