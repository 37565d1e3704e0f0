"""`accompanist control`: tell a running `serve` what to do."""

from __future__ import annotations

import json
from typing import Any

import click

from accompanist.config import load_config
from accompanist.engine.controls import COMMANDS, TRACK_SWITCHES, TRIGGERS
from accompanist.errors import ControlError
from accompanist.runtime.control_address import AUTO, Address
from accompanist.runtime.control_client import ask


@click.command()
@click.argument("command")
@click.argument("words", nargs=-1)
@click.option("--socket", "where", metavar="ADDRESS", help="Its address, as `serve --control-socket` was given it.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON object.")
@click.pass_context
def control(ctx: click.Context, /, *, command: str, words: tuple[str, ...], where: str | None, as_json: bool) -> None:
    """Tell a running `accompanist serve --control-socket` what to do, or ask how it stands.

    Switches (mute TRACK, solo TRACK, hold, listen) take on, off or toggle behind them, and are on where nothing stands
    there. Amounts (density, temperature, bpm, style) take their value. The others just happen: fill, panic, tap, start,
    stop, continue.

    \b
    accompanist control mute bass
    accompanist control mute bass off
    accompanist control density 0.5
    accompanist control panic
    accompanist control status --json
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    address = Address.parse(where or load_config(ctx.obj).serve.control_socket or AUTO)
    answer = ask(address, request(command, words))
    if "error" in answer:
        accepted = answer.get("accepted") or []
        raise ControlError(
            answer["error"] + (f"; accepted: {', '.join(accepted)}" if accepted else ""),
            hint="see what there is with: accompanist control --help",
        )
    if as_json:
        click.echo(json.dumps(answer))
    elif "status" in answer:
        click.echo(_told(answer["status"]))
    elif "about" in answer:
        click.echo("\n".join(f"{name}: {_listed(value)}" for name, value in answer["about"].items()))


def request(command: str, words: tuple[str, ...]) -> dict[str, str]:
    """What was typed, as the socket wants it.

    Raises:
        ControlError: more words than the command takes.
    """
    names: tuple[str, ...] = ("track", "value") if command in TRACK_SWITCHES else ("value",)
    if command in (*TRIGGERS, "status", "about"):
        names = ()
    if command in COMMANDS and len(words) > len(names):
        takes = " and ".join(f"a {name}" for name in names) or "nothing"
        raise ControlError(
            f"{command} is followed by {' '.join(words)!r}; accepted behind it: {takes}",
            hint="see the examples of: accompanist control --help",
        )
    return {"command": command, **dict(zip(names, words, strict=False))}


def _listed(value: object) -> str:
    return (", ".join(map(str, value)) if isinstance(value, list) else str(value)) or "none"


def _told(status: dict[str, Any] | None) -> str:
    """A status as a few lines."""
    if status is None:
        return "it has not begun"
    controls = status["controls"]
    off = [f"muted: {', '.join(controls['muted'])}" if controls["muted"] else ""]
    off += [f"solo: {', '.join(controls['soloed'])}" if controls["soloed"] else ""]
    off += ["harmony held" if controls["hold"] else "", "" if controls["listening"] else "the band rests"]
    place = f"bar {status['bar']}, beat {status['beat']}" if status["running"] else "stopped"
    desk = [f"density {controls['density']:g}", f"temperature {controls['temperature']:g}", controls["style"], *off]
    return f"{place}, {status['bpm']:.1f} BPM ({status['lock']})\n" + ", ".join(word for word in desk if word)
