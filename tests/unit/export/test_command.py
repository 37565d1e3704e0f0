from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
pytest.importorskip("onnx", reason="needs the export extra: pip install -e '.[export]'")

from accompanist.cli import main
from export.command import _commit


def test_without_git_the_commit_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert _commit() == []


def test_a_folder_is_no_place_for_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["export", "some-run", "-o", str(tmp_path)])
    assert stopped.value.code == 9
    printed = capsys.readouterr().err
    assert "is a folder, and a model is a file" in printed
    assert str(tmp_path / "model.onnx") in printed
