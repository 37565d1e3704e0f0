from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from accompanist.errors import ProviderMissing
from accompanist.runtime import providers
from accompanist.runtime.providers import PROVIDERS, built_in, open_session, why_provider_fails


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """What onnxruntime is asked for, on a machine where every provider loads; it answers with the first named."""
    found: list[Any] = []

    def session(_path: str, options: Any, providers: list[tuple[str, dict[str, Any]]]) -> Any:
        found.append((options, providers))
        return SimpleNamespace(get_providers=lambda: [name for name, _ in providers])

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(providers, "why_provider_fails", lambda _: "")
    monkeypatch.setattr(providers.ort, "InferenceSession", session)
    return found


def test_the_processor_is_always_there() -> None:
    assert built_in()[0] == "cpu"
    assert why_provider_fails("cpu") == ""


def test_one_that_onnxruntime_was_built_without_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers.ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert built_in() == ["cpu"]
    assert all("is built without it" in why_provider_fails(name) for name in PROVIDERS if name != "cpu")


def test_an_engine_of_tensorrt_is_kept_in_the_cache(asked: list[Any], tiny_model: Path, tmp_path: Path) -> None:
    open_session(tiny_model, "tensorrt", 1)
    ((_, wanted),) = asked
    assert [name for name, _ in wanted] == [PROVIDERS[name] for name in ("tensorrt", "cuda", "cpu")]
    folder = tmp_path / "cache" / "accompanist" / "tensorrt"
    assert folder.is_dir()
    options = wanted[0][1]
    assert options["trt_engine_cache_enable"] is True
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"] == str(folder)


def test_without_a_place_to_keep_it_tensorrt_still_runs(
    asked: list[Any], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    open_session(tiny_model, "tensorrt", 1)
    assert asked[0][1][0] == (PROVIDERS["tensorrt"], {})


@pytest.mark.parametrize("name", PROVIDERS)
def test_threads_never_spin_and_memory_patterns_are_off_where_they_must_be(
    asked: list[Any], tiny_model: Path, name: str
) -> None:
    open_session(tiny_model, name, 2)
    options, wanted = asked[0]
    assert options.intra_op_num_threads == 2
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.enable_mem_pattern is (name != "directml")
    assert wanted[-1][0] == PROVIDERS["cpu"]


def test_a_silent_fall_back_is_an_error(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "why_provider_fails", lambda _: "")
    fallen = SimpleNamespace(get_providers=lambda: [PROVIDERS["cpu"]])
    monkeypatch.setattr(providers.ort, "InferenceSession", lambda *_, **__: fallen)
    with pytest.raises(ProviderMissing, match="fell back"):
        open_session(tiny_model, "coreml", 1)
