from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support.console import app_at, browser, services_at
from support.tiny import TINY_SPEC

from accompanist.config import load_config
from accompanist.console.models import Models
from accompanist.errors import ConfigError, ModelError
from accompanist.music.spec import METADATA_KEY


@pytest.fixture
def runs(tmp_path: Path, tiny_model: Path) -> Path:
    """A folder of runs, one of them exported, one damaged."""
    for name in ("0001-early", "0002-late", "0003-damaged"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    shutil.copy(tiny_model, tmp_path / "runs/0002-late/model.onnx")
    (tmp_path / "runs/0003-damaged/model.onnx").write_bytes(b"no model")
    return tmp_path / "runs"


@pytest.fixture
def models(tmp_path: Path, runs: Path) -> Models:
    return services_at(tmp_path).models if runs else NotImplemented


@pytest.fixture
def client(tmp_path: Path, runs: Path) -> Iterator[TestClient]:
    assert runs.is_dir()
    with browser(app_at(tmp_path)) as client:
        yield client


def test_shipped_models_come_first_then_those_of_runs(models: Models) -> None:
    found = {model.id: model for model in models.all()}
    assert list(found) == ["default", "classic", "0003-damaged", "0002-late"]
    assert [model.id for model in found.values() if model.in_use] == ["default"]
    assert found["default"].spec is not None
    assert found["default"].spec.kind == "live"
    assert found["0003-damaged"].spec is None
    assert "0003-damaged" in found["0003-damaged"].problem


def test_the_model_in_use_is_a_setting(models: Models, tmp_path: Path) -> None:
    late = models.find("0002-late")
    assert late is not None
    assert models.use(late) == tmp_path / "config.toml"
    assert load_config(tmp_path / "config.toml").serve.model == str(late.path)
    assert [model.id for model in models.all() if model.in_use] == ["0002-late"]
    shipped = models.find("default")
    assert shipped is not None
    models.use(shipped)
    assert load_config(tmp_path / "config.toml").serve.model == ""


def test_what_the_settings_alone_name_is_listed_too(models: Models, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[serve]\nmodel = "/none/such.onnx"\n', encoding="utf-8")
    last = models.all()[-1]
    assert (last.id, last.in_use, last.spec) == ("named-by-the-settings", True, None)
    assert "/none/such.onnx" in last.problem


def test_a_damaged_model_is_not_taken_into_use(models: Models) -> None:
    damaged = models.find("0003-damaged")
    assert damaged is not None
    with pytest.raises(ModelError, match="cannot be played"):
        models.use(damaged)


def _field(number: int, content: bytes) -> bytes:
    """A field of a protocol-buffer message."""
    return bytes([number << 3 | 2, 0x80 | len(content) & 0x7F, len(content) >> 7]) + content


def test_a_model_that_only_says_what_it_is_is_listed_and_not_taken_into_use(models: Models, tmp_path: Path) -> None:
    """The list reads a file's metadata alone; what plays is loaded first."""
    hollow = tmp_path / "runs/0001-early/model.onnx"
    said = _field(1, METADATA_KEY.encode()) + _field(2, TINY_SPEC.to_json().encode())
    hollow.write_bytes(_field(7, b"") + _field(14, said))
    model = models.find("0001-early")
    assert model is not None
    assert model.spec == TINY_SPEC
    with pytest.raises(ModelError):
        models.use(model)
    assert load_config(tmp_path / "config.toml").serve.model == ""


def test_a_run_s_model_is_measured_on_songs_held_out_of_its_own_music(models: Models, tmp_path: Path) -> None:
    late, shipped = models.find("0002-late"), models.find("default")
    assert late is not None
    assert shipped is not None
    (tmp_path / "runs/0002-late/data.json").write_text('{"sources": ["mine", "chorales"]}', encoding="utf-8")
    assert models.music(late) == ["mine", "chorales"]
    assert models.music(shipped) == []
    for damaged in ("{", "{}", '{"sources": 3}'):
        (tmp_path / "runs/0002-late/data.json").write_text(damaged, encoding="utf-8")
        assert models.music(late) == []


def test_an_evaluation_belongs_to_the_very_file(models: Models, tiny_model: Path) -> None:
    late = models.find("0002-late")
    assert late is not None
    assert models.evaluation(late) is None
    models.keep_evaluation(late, {"songs": 3})
    assert models.evaluation(late) == {"songs": 3}
    late.path.write_bytes(tiny_model.read_bytes() + b"\n")
    assert models.evaluation(late) is None


def test_the_page_tells_of_each(client: TestClient) -> None:
    listed = client.get("/api/models").json()
    assert [model["id"] for model in listed] == ["default", "classic", "0003-damaged", "0002-late"]
    one = client.get("/api/models/default").json()
    assert one["card"].startswith("<h1>Model card")
    assert "<table>" in one["card"]
    assert "<img" not in one["card"]
    assert [track["name"] for track in one["tracks"]] == ["bass", "piano", "strings", "drums"]


def test_the_switch_is_thrown_from_the_page(client: TestClient, tmp_path: Path) -> None:
    assert client.post("/api/models/0002-late/use").json()["model"] == "0002-late"
    assert load_config(tmp_path / "config.toml").serve.model.endswith("0002-late/model.onnx")
    assert client.post("/api/models/0003-damaged/use").status_code == 409


def test_a_damaged_settings_file_is_told_and_left(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[serve", encoding="utf-8")
    answer = client.post("/api/models/default/use")
    assert answer.status_code == 422
    assert "not valid TOML" in answer.json()["error"]
    with pytest.raises(ConfigError):
        load_config(tmp_path / "config.toml")


@pytest.mark.parametrize("name", ["none", "..", "%2e%2e", "..%2f..%2fetc", "0001-early", "default.onnx", "%00"])
def test_an_id_is_looked_up_and_never_a_path(client: TestClient, name: str) -> None:
    for path in (f"/api/models/{name}", f"/api/models/{name}/file"):
        assert client.get(path).status_code == 404
    assert client.post(f"/api/models/{name}/use").status_code == 404
    assert client.post(f"/api/models/{name}/evaluate", json={}).status_code == 404


def test_a_model_is_downloaded_whole(client: TestClient, tiny_model: Path) -> None:
    answer = client.get("/api/models/0002-late/file")
    assert answer.content == tiny_model.read_bytes()
    assert "0002-late.onnx" in answer.headers["content-disposition"]


@pytest.mark.parametrize("wish", [{"songs": -1}, {"songs": 10**9}, {"songs": "5"}, {"more": 1}, []])
def test_an_evaluation_is_asked_for_within_bounds(client: TestClient, wish: Any) -> None:
    assert client.post("/api/models/0002-late/evaluate", json=wish).status_code == 422
