from __future__ import annotations

import socket

import pytest

from accompanist.console.server import check_address, is_loopback, listen, name_of
from accompanist.errors import ConfigError, ConsoleError

ANY = "0.0.0.0"  # noqa: S104 (asked about, not listened at)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_this_machine_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    check_address(host, "")


@pytest.mark.parametrize("host", [ANY, "::", "192.168.1.20", "studio.local"])
def test_elsewhere_needs_one(host: str) -> None:
    with pytest.raises(ConfigError, match="--token") as refused:
        check_address(host, "")
    assert "--token" in refused.value.hint
    check_address(host, "secret")


def test_a_port_that_is_taken_is_told_with_the_way_out() -> None:
    with listen("127.0.0.1", 0) as first, pytest.raises(ConsoleError, match=str(first.getsockname()[1])) as taken:
        listen("127.0.0.1", first.getsockname()[1])
    assert "--port 0" in taken.value.hint


def test_the_address_is_one_a_browser_takes() -> None:
    assert name_of("::1") == "[::1]"
    assert name_of(ANY) == socket.gethostname()
    assert name_of("127.0.0.1") == "127.0.0.1"
