from __future__ import annotations

from pathlib import Path

import pytest

from accompanist.errors import ConfigError
from accompanist.jobs.database import Database


def test_a_file_among_the_runs_unless_another_is_asked_for(tmp_path: Path) -> None:
    database = Database.at("", tmp_path / "runs")
    assert database.url == f"sqlite:///{tmp_path}/runs/jobs.db"
    assert database.file == tmp_path / "runs/jobs.db"
    assert database.locks == tmp_path / "runs/.jobs"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgres_is_told_not_to_wait_for_ever(scheme: str) -> None:
    database = Database.at(f"{scheme}://me@host/music", Path("runs"))
    assert database.url == "postgresql://me@host/music?connect_timeout=10"
    assert database.file is None
    assert Database.at(f"{scheme}://me@host/music?connect_timeout=3", Path("runs")).url.endswith("?connect_timeout=3")


def test_a_socket_may_be_named() -> None:
    assert "host=%2Frun%2Fpg" in Database.at("postgresql:///music?host=/run/pg", Path("runs")).url


@pytest.mark.parametrize("url", ["mysql://host/music", "postgresql://host", "music.db", "sqlite:///music.db"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="accepted: postgresql://USER@HOST/NAME"):
        Database.at(url, Path("runs"))


def test_a_password_is_never_shown() -> None:
    assert (
        Database.at("postgresql://me:secret@host:5433/music?a=b", Path("runs")).shown
        == "postgresql://me@host:5433/music"
    )
    with pytest.raises(ConfigError) as refused:
        Database.at("mysql://me:secret@host/music", Path("runs"))
    assert "secret" not in refused.value.message
