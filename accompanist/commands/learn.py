"""`accompanist learn`: map a key, knob or pedal by touching it."""

from __future__ import annotations

import json
import queue
import re
from pathlib import Path

import click
import msgspec

from accompanist.config import Config, load_config
from accompanist.config_controls import ControlsConfig
from accompanist.config_file import write_settings
from accompanist.engine.controls import TRACK_SWITCHES
from accompanist.engine.learning import Learner
from accompanist.errors import ConfigError, ControlError
from accompanist.runtime.clock import Clock, MonotonicClock
from accompanist.runtime.port_names import choose
from accompanist.runtime.systems import open_system

Heard = queue.SimpleQueue[tuple[float, bytes]]


@click.command()
@click.argument("functions", nargs=-1)
@click.option("--in", "port", metavar="PORT", help="Port the control is on; the settings' own where not given.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=1), default=30.0, show_default=True, help="Seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each control.")
@click.pass_context
def learn(
    ctx: click.Context, /, *, functions: tuple[str, ...], port: str | None, timeout_s: float, as_json: bool
) -> None:
    """Map a key, knob or pedal: name what it shall do, touch it, and it stands in config.toml.

    Press a button and let it go again, so that it is seen whether it latches by itself. The functions: mute.TRACK,
    solo.TRACK, density, temperature, style, hold, fill, panic, listen, tap, start, stop, continue (docs/control.md says
    what they do). Without one you are asked.

    \b
    accompanist learn mute.bass
    accompanist learn mute.bass density hold --in "Keyboard"
    accompanist --config stage.toml learn panic --json
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    config = load_config(ctx.obj)
    path: Path = ctx.obj or Path("config.toml")
    if not functions:
        functions = (click.prompt("What shall it do", err=True, default="mute.bass"),)
    for function in functions:
        check_function(function)
    clock = MonotonicClock()
    system = open_system(config.serve.backend, clock)
    try:
        name = port or config.serve.control or config.serve.melody
        choice = choose(name, system.ports().inputs, can_make=system.can_make_ports, system=system.name)
        heard: Heard = queue.SimpleQueue()
        source = system.open_input(
            choice, lambda data, at_s=None: heard.put((clock.now() if at_s is None else at_s, data)), role="learn"
        )
        try:
            for function in functions:
                click.echo(f"touch the control for {function} on {source.name!r} ...", err=True)
                control = _learned(function, heard, clock, timeout_s)
                also = _others(function, control, path if ctx.obj or path.is_file() else None)
                write_settings(path, {f"controls.{function}": control})
                if as_json:
                    click.echo(json.dumps({"function": function, "control": control, "file": str(path), "also": also}))
                else:
                    click.echo(f'{path}: controls.{function} = "{control}"')
                    if also:
                        click.echo(f"the same control also does {', '.join(also)}", err=True)
        finally:
            source.close()
    finally:
        system.close()


def check_function(function: str) -> None:
    """Whether a function can be mapped.

    Raises:
        ConfigError: it cannot.
    """
    fields = [field.encode_name for field in msgspec.structs.fields(ControlsConfig)]
    accepted = [f"{name}.TRACK" if name in TRACK_SWITCHES else name for name in fields]
    name, dot, track = function.partition(".")
    if name not in fields or bool(dot) != (name in TRACK_SWITCHES) or (dot and not re.fullmatch(r"[\w-]+", track)):
        raise ConfigError(
            f"there is no function {function!r} to map; accepted: {', '.join(accepted)}",
            hint="such as: accompanist learn mute.bass",
        )


def _learned(function: str, heard: Heard, clock: Clock, timeout_s: float) -> str:
    """Wait for a touch; the control as the settings name it.

    Raises:
        ControlError: nothing fitting was touched.
    """
    learner = Learner(function.partition(".")[0])
    end_s = clock.now() + timeout_s
    while not learner.control:
        until_s = min(end_s, learner.decides_at_s or end_s)
        try:
            at_s, data = heard.get(timeout=max(until_s - clock.now(), 0.001))
        except queue.Empty:
            learner.wait(clock.now())
            if not learner.control and clock.now() >= end_s:
                raise ControlError(
                    f"no control for {function} was touched within {timeout_s:g} s",
                    hint="see which port it is on with: accompanist ports, and name it with --in",
                ) from None
        else:
            learner.hear(data, at_s)
    return learner.control


def _others(function: str, control: str, path: Path | None) -> list[str]:
    """What else the settings have for a control."""
    controls = msgspec.to_builtins(load_config(path) if path else Config())["controls"]
    mapped = {
        f"{name}.{track}" if track else name: text
        for name, its in controls.items()
        for track, text in (its.items() if isinstance(its, dict) else [("", its)])
    }
    return [name for name, text in mapped.items() if text == control and name != function]
