"""The service files in docs/service start what there is."""

from __future__ import annotations

import configparser
import plistlib
import shlex
from pathlib import Path

import pytest

from accompanist.cli import COMMANDS, cli

SERVICE = Path(__file__).parents[2] / "docs" / "service"


def assert_is_understood(command: list[str]) -> None:
    """Every word is one that our command line takes."""
    assert command[0].endswith("/bin/accompanist")
    assert command[1] in COMMANDS
    serve = cli.get_command(None, command[1])  # type: ignore[arg-type]
    assert serve is not None
    context = serve.make_context("serve", command[2:], resilient_parsing=True)
    assert str(context.params["config_path"]).endswith("config.toml")


def test_the_systemd_unit() -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(SERVICE / "accompanist.service")
    service = dict(unit["Service"])
    assert_is_understood(shlex.split(service["ExecStart"]))
    assert {"Type": "notify", "KillSignal": "SIGTERM", "Restart": "on-failure", "SuccessExitStatus": "143"}.items() <= (
        service.items()
    )
    assert int(service["LimitRTPRIO"]) >= 40  # the engine thread's priority
    assert service["LimitMEMLOCK"] == "infinity"


def test_the_launchd_agent() -> None:
    agent = plistlib.loads((SERVICE / "org.accompanist.serve.plist").read_bytes())
    assert_is_understood(agent["ProgramArguments"])
    assert agent["Label"] == "org.accompanist.serve"
    assert agent["KeepAlive"] == {"Crashed": True}


@pytest.mark.parametrize("name", ["accompanist.service", "org.accompanist.serve.plist"])
def test_the_page_speaks_of_each(name: str) -> None:
    assert f"]({name})" in (SERVICE / "README.md").read_text(encoding="utf-8")
