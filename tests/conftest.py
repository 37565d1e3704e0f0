from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support.live import write_live_model
from support.tiny import TINY_SPEC, write_tiny_model

from accompanist.music.spec import ModelSpec

# How long an example takes says something about the machine, nothing about the program.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
# A build tries the same examples every time: what fails there fails here. New ones are found while developing.
settings.register_profile("same examples", settings.get_profile("any machine"), derandomize=True, database=None)

# Shapes written as types (jaxtyping) are checked here, and nowhere else: in use they cost nothing.
if find_spec("jaxtyping") and find_spec("beartype"):
    import jaxtyping

    for module in ("training.generators", "training.critics", "training.losses"):
        jaxtyping.install_import_hook(module, "beartype.beartype")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="Also run what takes many minutes, such as a real training.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes many minutes; run with: pytest --long"))


@pytest.fixture(scope="session")
def tiny_spec() -> ModelSpec:
    """The spec of `tiny_model`: the house band, two bars in, the same two bars out."""
    return TINY_SPEC


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ONNX file whose every track is the melody some semitones lower (see `support.tiny`)."""
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="session")
def live_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ONNX file with codes, velocities and drums that tells all it is given (see `support.live`)."""
    return write_live_model(tmp_path_factory.mktemp("model") / "live.onnx")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of music archives: ACCOMPANIST_DATA, or `../shared/data` beside the repository."""
    asked = os.environ.get("ACCOMPANIST_DATA")
    folder = Path(asked) if asked else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no music archives at {folder}; set ACCOMPANIST_DATA")
    return folder
