"""`accompanist ports` and `accompanist panic`."""

from __future__ import annotations

import json
import time
from typing import NamedTuple

import click

from accompanist.config import ServeConfig, load_config
from accompanist.errors import PortNotFound
from accompanist.runtime.clock import MonotonicClock
from accompanist.runtime.port_names import choose, wanted
from accompanist.runtime.ports import MidiSystem, Port, PortChoice, PortListing
from accompanist.runtime.systems import open_system

_CONTROL, _NOTE_OFF = 0xB0, 0x80
_SUSTAIN, _ALL_SOUND_OFF, _ALL_NOTES_OFF = 64, 120, 123
_PAUSE_S = 0.01  # between two channels: a burst of 2,000 messages would overrun slow cables and small buffers


class Taken(NamedTuple):
    """Which port `serve` would take now, for what a setting says.

    Args:
        flag: Its flag, such as "--in"; for a track's own port its setting.
        asked: The name set.
        direction: "in" or "out".
        port: Full name of the port; None where it is none.
        virtual: There is none of that name: `serve` makes it.
        problem: Why it is none; else empty.
        waits: There is none of that name: `serve` waits for it.
    """

    flag: str
    asked: str
    direction: str
    port: str | None
    virtual: bool = False
    problem: str = ""
    waits: bool = False

    def __str__(self) -> str:
        """What stands behind the flag."""
        if self.problem:
            return f"no port: {self.problem}"
        if self.waits:
            return "not there, to be waited for"
        return f"a virtual port {self.port!r}, to be made" if self.virtual else f"{self.port}"


_backend = click.option(
    "--backend",
    type=click.Choice(["auto", "rtmidi", "jack"]),
    help="What speaks to the MIDI system; serve.backend where not given.",
)


@click.command()
@_backend
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def ports(ctx: click.Context, /, *, backend: str | None, as_json: bool) -> None:
    """List the MIDI ports of devices and other programs, and which of them `serve` would take.

    JACK and ALSA tell which belong to a device ("real") and which to a program ("virtual").

    \b
    accompanist ports
    accompanist --config stage.toml ports
    accompanist ports --backend rtmidi               as another back end names them
    accompanist ports --json
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    serve = load_config(ctx.obj).serve
    system = open_system(backend or serve.backend, MonotonicClock())
    try:
        listing, devices = system.ports(), system.devices()
    finally:
        system.close()
    taken = _taken(serve, listing, system)
    if as_json:
        told = {
            "system": system.name,
            "backend": system.backend,
            "inputs": listing.inputs,
            "outputs": listing.outputs,
            "real": None if devices is None else sorted(devices),
            "serve": {each.flag.strip("-"): each._asdict() for each in taken},
        }
        click.echo(json.dumps(told))
        return
    for title, names, direction in (
        ("in (--in, --clock)", listing.inputs, "in"),
        ("out (--out, --clock-out)", listing.outputs, "out"),
    ):
        click.echo(f"{title}, {system.name} by {system.backend}:")
        for name in names:
            kind = "" if devices is None else "  real" if name in devices else "  virtual"
            flags = [each.flag for each in taken if each.direction == direction and each.port == name]
            click.echo(f"  {name}{kind}{'  <- ' if flags else ''}{', '.join(flags)}")
        if not names:
            click.echo("  none")
    click.echo("serve would take:")
    for each in taken:
        click.echo(f"  {each.flag} {each.asked!r}: {each}")


def _taken(serve: ServeConfig, listing: PortListing, system: MidiSystem) -> list[Taken]:
    asked = [
        ("--in", serve.melody, "in"),
        ("--out", serve.band, "out"),
        ("--clock", serve.clock, "in"),
        ("--control", serve.control, "in"),
        ("--clock-out", serve.clock_out, "out"),
        *((f"serve.tracks.{track}.port", its.port, "out") for track, its in serve.tracks.items()),
    ]
    found = []
    for flag, name, direction in asked:
        if not name and flag not in ("--in", "--out"):
            continue
        names = listing.inputs if direction == "in" else listing.outputs
        try:
            choice = wanted(name, names, can_make=system.can_make_ports, waits=serve.wait, system=system.name)
        except PortNotFound as error:
            found.append(Taken(flag, name, direction, None, problem=error.message))
        else:
            waits = choice.exists and choice.name not in names
            found.append(Taken(flag, name, direction, choice.name, virtual=not choice.exists, waits=waits))
    return found


@click.command()
@click.option("--out", "name", help="Port to silence; all there are where not given.")
@_backend
@click.pass_context
def panic(ctx: click.Context, /, *, name: str | None, backend: str | None) -> None:
    """Silence everything: sustain up, all sound and all notes off, and 128 note-offs, on all 16 channels.

    \b
    accompanist panic                    every port
    accompanist panic --out "Synth"      one port
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    system = open_system(backend or load_config(ctx.obj).serve.backend, MonotonicClock())
    try:
        names = system.ports().outputs
        if name is not None:
            names = (_existing(name, names, system.name),)
        if not names:
            raise PortNotFound(
                f"there is no {system.name} port to silence", hint="see what there is: accompanist ports"
            )
        for full_name in names:
            _silence(system, full_name)
            click.echo(f"silenced {full_name}")
    finally:
        system.close()


def _existing(name: str, names: tuple[str, ...], system: str) -> str:
    choice = choose(name, names, can_make=True, system=system)
    if not choice.exists:
        raise PortNotFound(
            f"there is no MIDI port {name!r} to silence; there are: {', '.join(names) or 'none'}",
            hint="see the names with: accompanist ports",
        )
    return choice.name


def _silence(system: MidiSystem, name: str) -> None:
    port = system.open_output(PortChoice(name, exists=True), role="panic")
    try:
        for data in quick_silence():
            port.send(data)
        _note_offs(port)
    finally:
        port.close()


def quick_silence() -> list[bytes]:
    """What ends all sound on a synthesiser that keeps to the standard: sustain, all sound and all notes off."""
    return [
        bytes((_CONTROL | channel, controller, 0))
        for channel in range(16)
        for controller in (_SUSTAIN, _ALL_SOUND_OFF, _ALL_NOTES_OFF)
    ]


def _note_offs(port: Port) -> None:
    """For those that do not: every note of every channel."""
    for channel in range(16):
        for pitch in range(128):
            port.send(bytes((_NOTE_OFF | channel, pitch, 64)))
        time.sleep(_PAUSE_S)
