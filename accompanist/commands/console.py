"""`accompanist console`: train, watch, hear and play, in the browser."""

from __future__ import annotations

import asyncio
import json
import socket
import time
import webbrowser
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from accompanist.config import load_config
from accompanist.console.app import create_app
from accompanist.console.guard import Access
from accompanist.console.server import Server, check_address, listen, name_of
from accompanist.console.services import Services
from accompanist.places import cache_folder, data_folder
from accompanist.runs.charts import chart_file

PORT = 8765


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to be reached at; others need --token.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0: any free one.")
@click.option("--token", default="", metavar="SECRET", help="Whoever opens the console must sign in with this.")
@click.option("--runs", type=click.Path(path_type=Path), help="Folder of the runs.  [default: train.runs]")
@click.option(
    "--database", default="", envvar="ACCOMPANIST_DATABASE", metavar="URL", help="See `accompanist jobs --help`."
)
@click.option("--open", "open_browser", is_flag=True, help="Open it in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
@click.pass_obj
def console(
    config_path: Path | None,
    /,
    *,
    host: str,
    port: int,
    token: str,
    runs: Path | None,
    database: str,
    open_browser: bool,
    as_json: bool,
) -> None:
    """Train, watch, hear and play in the browser.

    It is reached from this machine only, unless --host says otherwise. Ctrl-C ends it. What plays live does so in a
    process of its own and does not need it.

    \b
    accompanist console --open
    accompanist console --runs /big/disk/runs --port 9000
    accompanist console --host 192.168.1.20 --token "a secret of yours"      from a tablet on the music stand
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    check_address(host, token)
    chart_file("the console")  # a missing package is told now, not by a page without charts
    config = load_config(config_path)
    with listen(host, port) as there:
        port = there.getsockname()[1]
        services = Services.at(
            config,
            config_path,
            runs=runs or Path(config.train.runs),
            cache=cache_folder(config.data.cache) / "console",
            kept=data_folder() / "console",
            database=database,
            clock=time.monotonic,
            today=lambda: datetime.now(tz=UTC),
            sleep=asyncio.sleep,
            tell=lambda text: click.echo(text, err=True),
        )
        server = Server(
            create_app(services, Access.fresh(port, token, (host, socket.gethostname()))), services.stopping
        )
        address = f"http://{name_of(host)}:{port}/"
        click.echo(json.dumps({"event": "ready", "address": address}) if as_json else f"the console: {address}")
        if token and not as_json:
            click.echo("sign in with the token; Ctrl-C ends it", err=True)
        if open_browser:
            webbrowser.open(address)
        with suppress(KeyboardInterrupt):  # raised once more, for us, after everything has ended
            server.run(sockets=[there])
