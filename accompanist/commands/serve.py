"""`accompanist serve`: play live."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Self

import click
from msgspec.structs import replace
from rich.console import Console
from rich.live import Live
from rich.text import Text

from accompanist.config import load_config, with_flags
from accompanist.engine.protocol import PortChange
from accompanist.runtime.clock import MonotonicClock
from accompanist.runtime.daemon import Daemon, Ready
from accompanist.runtime.systems import await_system, open_system
from accompanist.runtime.telemetry import Telemetry, status_line

_PLAIN_EVERY_S = 5.0  # between two status lines where there is no terminal to refresh one in


@click.command()
@click.option("--in", "in", metavar="PORT", help='Port you are heard on; "Accompanist In" where nothing says.')
@click.option("--out", "out", metavar="PORT", help='Port the band plays to; "Accompanist Out" where nothing says.')
@click.option("--clock", metavar="PORT", help="Follow the MIDI clock that arrives on this port.")
@click.option("--sync", is_flag=True, default=None, help="Follow the MIDI clock that arrives on the --in port.")
@click.option("--link", is_flag=True, default=None, help="Be led by the Ableton Link session on the local network.")
@click.option("--clock-out", metavar="PORT", help="Send a MIDI clock to this port: others follow your tempo.")
@click.option("--bpm", type=float, help="Tempo where no MIDI clock leads.")
@click.option("--count-in", "count_in_bars", type=int, metavar="BARS", help="Click for so many bars, then begin.")
@click.option("--listen-bars", type=int, help="Bars that the band only listens; at least one, or the model's window.")
@click.option("--beats-per-bar", type=int, help="Beats in a bar.")
@click.option("--channel", type=int, help="MIDI channel you play on, 1 to 16; 0: any.")
@click.option("--control", metavar="PORT", help="More controls arrive on this port; see [controls] in config.toml.")
@click.option(
    "--control-socket",
    metavar="ADDRESS",
    is_flag=False,
    flag_value="auto",
    help="Take commands of scripts (docs/control.md), where `accompanist control` asks, or on a path or HOST:PORT.",
)
@click.option("--split", metavar="NOTE", help="Keys below it (C3, where C4 is middle C) are the harmony to follow.")
@click.option("--thru/--no-thru", default=None, help="Send your melody on to --out as well.")
@click.option("--split-ports/--one-port", default=None, help="A port per track, called OUT and the track's name.")
@click.option("--advance-ms", type=float, help="Send the band so much earlier; see accompanist calibrate.")
@click.option("--setup/--no-setup", default=None, help="Send each track's program, volume and pan at the start.")
@click.option("--exit-on-lost", is_flag=True, default=None, help="End when a port is lost, instead of waiting for it.")
@click.option(
    "--wait/--no-wait", default=None, help="Wait for ports that are not there yet; none of their name is made."
)
@click.option("--model", type=click.Path(path_type=Path), help="An .onnx model instead of the shipped one.")
@click.option("--backend", help="What speaks to the MIDI system: auto, rtmidi or jack.")
@click.option("--provider", help="What runs the model: auto, cpu, cuda, tensorrt, coreml, directml.")
@click.option("--seed", type=int, help="Another seed, another accompaniment.")
@click.option("--lead-steps", type=int, help="How many sixteenths before it plays the model is asked.")
@click.option("--replan-steps", type=int, help="Sixteenths from one plan to the next; 0: as suits the model.")
@click.option("--log", type=click.Path(path_type=Path), help="Write a performance log (JSON Lines) to this file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line on stdout: when ready, and at the end.")
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="Settings file; as before the command.")
@click.pass_context
def serve(ctx: click.Context, /, *, config_path: Path | None, as_json: bool, **flags: Any) -> int:
    """Play live: your melody in on one MIDI port, the band out on another.

    A name is that of a port there is, in full or a part only it has ("#2" behind it: the second of several); any other
    name becomes a new virtual port, to connect to in your DAW. It listens for a bar or two, then it plays. Ctrl-C ends
    it, and everything that sounds. What no flag says, config.toml does.

    \b
    accompanist serve --in "Keyboard" --out "DAW"        your tempo: the first note is beat one
    accompanist serve --in "Keyboard" --out "DAW" --bpm 96 --thru
    accompanist serve --in "Keyboard" --out "DAW" --count-in 1       a bar of clicks (drums, channel 10), then beat one
    accompanist serve --in "DAW out" --out "DAW in" --sync          locked to the DAW's MIDI clock
    accompanist serve --in "Keyboard" --out "Synth" --clock "Drum machine"
    accompanist serve --in "Keyboard" --out "DAW" --link            with everybody in the Ableton Link session
    accompanist serve --in "Keyboard" --out "DAW" --clock-out "Drum machine"        others follow you
    accompanist serve --in "Keyboard" --out "DAW" --log tonight.jsonl       what happened, see docs/performance-log.md
    accompanist serve --in "Keyboard" --out "Synth" --wait          begin now; what is not plugged in yet is waited for
    accompanist serve --config stage.toml                ports and all else from a file; as a service: docs/service/
    accompanist ports                                    the names there are
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    config = load_config(config_path or ctx.obj)
    engine_flags = {
        name: flags[name] for name in ("bpm", "beats_per_bar", "listen_bars", "seed", "lead_steps", "replan_steps")
    }
    if flags["sync"] and flags["clock"]:
        raise click.UsageError("--sync and --clock name two clocks; choose one")
    if flags["sync"]:  # a flag for one clock takes the other, which the settings may name, away
        flags["clock"] = ""
    elif flags["clock"]:
        flags["sync"] = False
    serve_names = [
        *("in", "out", "clock", "sync", "link", "clock_out", "count_in_bars"),
        *("control", "control_socket", "backend", "provider"),
        *("channel", "split", "thru", "split_ports", "setup", "exit_on_lost", "wait", "advance_ms"),
    ]
    serve_flags = {name: flags[name] for name in serve_names}
    serve_flags |= {name: str(flags[name]) if flags[name] else None for name in ("model", "log")}
    config = replace(
        config, engine=with_flags(config.engine, engine_flags), serve=with_flags(config.serve, serve_flags)
    )
    clock = MonotonicClock()
    with _Terminal(as_json=as_json) as display:
        backend = config.serve.backend
        system = await_system(backend, clock, display.line) if config.serve.wait else open_system(backend, clock)
        outcome = Daemon(config, system, clock, display).run()
    if as_json:
        _print_json({"event": "summary", "exit_code": outcome.exit_code, **outcome.summary._asdict()})
    else:
        click.echo(str(outcome.summary))
    if outcome.lost is not None:
        raise outcome.lost
    return outcome.exit_code


class _Terminal:
    """The daemon's display: hand-shake and summary on stdout; the status on stderr, in place where it is a terminal."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(stderr=True, highlight=False)
        # It is refreshed by the daemon's main thread: no further thread, and none that draws while notes are due.
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._plain_at_s = time.monotonic() + _PLAIN_EVERY_S

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def ready(self, ready: Ready) -> None:
        """The hand-shake: one line on stdout once all ports are open."""
        if self._as_json:
            _print_json({"event": "ready", **ready._asdict()})
            return
        clock = f', clock "{ready.clock}"' if ready.clock else ""
        band = ", ".join(f'"{name}"' for name in ready.band)
        led = f', clock out "{ready.clock_out}"' if ready.clock_out else ""
        click.echo(f'ready: in "{ready.melody}"{clock}, out {band}{led} ({ready.system})')
        if ready.waiting:
            self.line(f"waiting for {', '.join(map(repr, ready.waiting))}")
        self.line(f"model {ready.model} on {ready.provider}, {1000 * ready.inference_s:.1f} ms an answer")
        if ready.provider_why:
            self.line(f"provider {ready.provider_why}")

    def status(self, telemetry: Telemetry) -> None:
        """Refresh the status line."""
        if self._console.is_terminal:
            self._live.update(Text(status_line(telemetry), no_wrap=True, overflow="ellipsis"), refresh=True)
        elif time.monotonic() >= self._plain_at_s:
            self._plain_at_s += _PLAIN_EVERY_S
            self.line(status_line(telemetry))

    def port(self, change: PortChange) -> None:
        """A port went away, is back, or cannot be opened."""
        event = "back" if change.there else "refused" if change.why else "lost"
        if self._as_json:
            why = {"why": change.why} if change.why else {}
            _print_json({"event": event, "role": change.role, "port": change.name, **why})
        text = f"{change.role} {change.name!r}"
        if change.why:
            self.line(f"{text}: {change.why}")
        else:
            self.line(f"back: {text}" if change.there else f"lost: {text}; waiting until it is back")

    def line(self, text: str) -> None:
        """A line above the status line."""
        self._console.print(Text(text), soft_wrap=True)


def _print_json(values: dict[str, Any]) -> None:
    click.echo(json.dumps(values))  # click flushes: a script is waiting for it
