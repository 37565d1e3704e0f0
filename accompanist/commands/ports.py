"""`accompanist ports` and `accompanist panic`."""

from __future__ import annotations

import json
import time

import click

from accompanist.errors import PortNotFound
from accompanist.runtime.ports import MidiSystem, Port, PortChoice, choose
from accompanist.runtime.rtmidi_ports import RtMidiSystem

_CONTROL, _NOTE_OFF = 0xB0, 0x80
_SUSTAIN, _ALL_SOUND_OFF, _ALL_NOTES_OFF = 64, 120, 123
_PAUSE_S = 0.01  # between two channels: a burst of 2,000 messages would overrun slow cables and small buffers


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ports(as_json: bool) -> None:
    """List the MIDI ports of devices and other programs.

    \b
    accompanist ports
    accompanist ports --json
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    system = RtMidiSystem()
    listing = system.ports()
    if as_json:
        click.echo(json.dumps({"system": system.name, "inputs": listing.inputs, "outputs": listing.outputs}))
        return
    for title, names in (("in (--in, --clock)", listing.inputs), ("out (--out)", listing.outputs)):
        click.echo(f"{title}, {system.name}:")
        for name in names or ("none",):
            click.echo(f"  {name}")
    if system.can_make_ports:
        click.echo("Any other name becomes a virtual port of that name.")


@click.command()
@click.option("--out", "name", help="Port to silence; all there are where not given.")
def panic(name: str | None) -> None:
    """Silence everything: sustain up, all sound and all notes off, and 128 note-offs, on all 16 channels.

    \b
    accompanist panic                    every port
    accompanist panic --out "Synth"      one port
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    system = RtMidiSystem()
    names = system.ports().outputs
    if name is not None:
        names = (_existing(name, names),)
    if not names:
        raise PortNotFound(f"there is no {system.name} port to silence", hint="see what there is: accompanist ports")
    for full_name in names:
        _silence(system, full_name)
        click.echo(f"silenced {full_name}")


def _existing(name: str, names: tuple[str, ...]) -> str:
    choice = choose(name, names, can_make=True)
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
