from __future__ import annotations

import importlib
import types

import click
import pytest

from accompanist.cli import main


@click.command()
@click.option("--kind")
def broken(kind: str) -> None:
    """A command that fails in a way nobody has foreseen."""
    raise {"bug": ValueError("cannot convert"), "memory": MemoryError(), "card": OutOfMemoryError()}[kind]


class OutOfMemoryError(RuntimeError):
    """As torch calls it."""


@pytest.fixture(autouse=True)
def _broken_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", lambda _: types.SimpleNamespace(demo=broken))


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("bug", "error: this is a fault of Accompanist's own: ValueError: cannot convert"),
        ("memory", "error: out of memory"),
        ("card", "error: out of memory"),
    ],
)
def test_no_traceback_unless_asked_for(capsys: pytest.CaptureFixture[str], kind: str, told: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["demo", "--kind", kind])
    assert stopped.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith(told)
    assert "  try: " in printed
    with pytest.raises((ValueError, MemoryError, OutOfMemoryError)):
        main(["--debug", "demo", "--kind", kind])
