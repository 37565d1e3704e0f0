"""`accompanist calibrate`: how much earlier the band should leave."""

from __future__ import annotations

import json
import queue
import sys
from functools import partial
from pathlib import Path

import click

from accompanist.config import load_config
from accompanist.config_file import write_settings
from accompanist.runtime.calibration import Circuit, Heard
from accompanist.runtime.clock import MonotonicClock
from accompanist.runtime.port_names import choose
from accompanist.runtime.realtime import punctual_process
from accompanist.runtime.systems import open_system


@click.command()
@click.option("--out", "out_name", metavar="PORT", help="Port the notes leave by; the settings' own where not given.")
@click.option("--in", "in_name", metavar="PORT", required=True, help="Port they come back on.")
@click.option("--notes", type=click.IntRange(min=4, max=10_000), default=50, show_default=True, help="How many.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=1), default=30.0, show_default=True,
              help="Seconds to wait for the first note to come back.")  # fmt: skip
@click.option("--backend", type=click.Choice(["auto", "rtmidi", "jack"]), help="What speaks to the MIDI system.")
@click.option("--write", is_flag=True, help="Write serve.advance_ms into config.toml.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def calibrate(
    ctx: click.Context,
    /,
    *,
    out_name: str | None,
    in_name: str,
    notes: int,
    timeout_s: float,
    backend: str | None,
    write: bool,
    as_json: bool,
) -> None:
    """Measure a MIDI loop through your DAW or synthesiser, and say how much earlier the band should leave.

    Let the DAW play what arrives from --out on to --in: a MIDI track that has both, monitoring on, no instrument. Notes
    are sent until one comes back, so there is time to connect; then the round trip of each is measured. Half of it is
    the way there, which serve.advance_ms makes up for.

    \b
    accompanist calibrate --out "DAW" --in "From DAW"
    accompanist calibrate --out "DAW" --in "From DAW" --write
    accompanist calibrate --in "Synth thru" --notes 200 --json
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    config = load_config(ctx.obj)
    clock = MonotonicClock()
    heard: Heard = queue.SimpleQueue()
    system = open_system(backend or config.serve.backend, clock)
    try:
        there = system.ports()
        find = partial(choose, can_make=system.can_make_ports, system=system.name)
        choices = find(out_name or config.serve.band, there.outputs), find(in_name, there.inputs)
        out = system.open_output(choices[0], role="out")
        back = system.open_input(
            choices[1], lambda data, at_s=None, /: heard.put((clock.now() if at_s is None else at_s, data)), role="in"
        )
        try:
            click.echo(f"out {out.name!r}, back {back.name!r} ({system.name}); Ctrl-C ends it", err=True)
            with punctual_process(), click.progressbar(length=notes, file=sys.stderr, label="measuring") as bar:
                circuit = Circuit(out, heard, clock)
                circuit.find(timeout_s)
                trips = circuit.measure(notes, progress=lambda: bar.update(1))
        finally:
            back.close()
            out.close()
    finally:
        system.close()
    path: Path = ctx.obj or Path("config.toml")
    if write:
        write_settings(path, {"serve.advance_ms": trips.advance_ms})
    if as_json:
        found = {"notes": notes, "lost": trips.lost, "median_ms": trips.median_ms, "spread_ms": trips.spread_ms}
        written = str(path) if write else None
        click.echo(json.dumps({**found, "advance_ms": trips.advance_ms, "written": written}))
        return
    click.echo(
        f"round trip {trips.median_ms:z.2f} ms, spread {trips.spread_ms:.2f} ms, {trips.lost} of {notes} notes lost"
    )
    click.echo(f"{path}: serve.advance_ms = {trips.advance_ms}" if write else f"--advance-ms {trips.advance_ms}")
