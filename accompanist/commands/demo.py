"""`accompanist demo`: hear it, with nothing connected, nothing downloaded and nothing asked."""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import click
import msgspec

from accompanist.config import EngineConfig, load_config, with_flags
from accompanist.engine.timetable import listen_ticks
from accompanist.errors import StorageError
from accompanist.melodies import MELODIES, Melody
from accompanist.music import midifile
from accompanist.music.meters import meter_at
from accompanist.music.song import MidiSong, MidiTrack
from accompanist.music.time import PPQ, TempoMap
from accompanist.render.picture import draw_roll
from accompanist.render.sound import render_wav
from accompanist.runtime.arrange import Arrangement, arrange, free_channel
from accompanist.runtime.infer import Session
from accompanist.runtime.installed import model_in_use

REPEATS = 2
"""The band listens to the first bars before it joins in: once through would be a short show."""


@click.command()
@click.option("--out-dir", type=click.Path(path_type=Path), default=Path(), help="Where to write.  [default: here]")
@click.option("--melody", "name", type=click.Choice(list(MELODIES)), default="ode-to-joy", show_default=True,
              help="Which tune.")  # fmt: skip
@click.option("--bpm", type=float, help="Tempo, 30 to 300.  [default: the tune's own]")
@click.option("--seed", type=click.IntRange(min=0), help="Another seed, another accompaniment.  [default: 0]")
@click.option("--model", type=click.Path(path_type=Path), help="An .onnx model instead of the shipped one.")
@click.option("--json", "as_json", is_flag=True, help="Print what happened as JSON.")
@click.pass_context
def demo(
    ctx: click.Context,
    *,
    out_dir: Path,
    name: str,
    bpm: float | None,
    seed: int | None,
    model: Path | None,
    as_json: bool,
) -> None:
    """Play a melody that ships with the project to the band, and leave demo.mid, demo.wav and demo.png.

    The melody goes through the same engine as in `accompanist serve`, in simulated time.

    \b
    accompanist demo
    accompanist demo --melody twinkle --seed 3 --out-dir /tmp
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    config = load_config(ctx.find_root().obj)
    settings = with_flags(config.engine, {"seed": seed, "bpm": bpm})
    _check_writable(out_dir)
    session = Session(model or model_in_use(config.serve))
    tune = MELODIES[name]
    made = arrange(session, _song(tune, bpm or tune.bpm, session), settings)
    files = {kind: out_dir / f"demo.{kind}" for kind in ("mid", "wav", "png")}
    midifile.write(made.song, files["mid"])
    synthesiser = render_wav(made.song, files["wav"])
    draw_roll(
        [(track.name, track.notes) for track in made.song.tracks],
        files["png"],
        ppq=made.song.ppq,
        meters=made.song.meters,
        title=f"{tune.title}, accompanied",
    )
    report = {
        "melody": tune.title,
        "seed": settings.seed,
        **_what_happened(made, session, settings),
        "model": str(session.path),
        "provider": session.provider,
        "synthesiser": synthesiser,
        "files": {kind: str(path.resolve()) for kind, path in files.items()},
    }
    click.echo(json.dumps(report, indent=2) if as_json else _text(report))


def _song(tune: Melody, bpm: float, session: Session) -> MidiSong:
    channel = free_channel({track.channel for track in session.spec.tracks})
    melody = MidiTrack("melody", tuple(tune.notes(repeats=REPEATS)), tune.program, channel)
    return MidiSong((melody,), TempoMap.constant(bpm), ((0, tune.meter.beats_per_bar, tune.meter.beat_unit),))


def _check_writable(folder: Path) -> None:
    """Told before the work, not after it.

    Raises:
        StorageError: the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StorageError(
            f"cannot write to the folder {folder.resolve()}: {error.strerror or error}",
            hint="accompanist demo --out-dir SOME/FOLDER",
        ) from error


def _what_happened(made: Arrangement, session: Session, settings: EngineConfig) -> dict[str, Any]:
    inference_ms = [1000 * took_s for took_s in made.performance.inference_s] or [0.0]  # a window longer than the tune
    bar_ticks = meter_at(made.song.meters, 0).ticks_per_bar
    settings = msgspec.structs.replace(settings, beats_per_bar=bar_ticks // PPQ)
    return {
        "bars": made.bars,
        "bars_listened": -(-listen_ticks(session.spec, settings) // bar_ticks),
        "notes": {track.name: len(track.notes) for track in made.song.tracks},
        "plans": len(made.performance.inference_s),
        "inference_ms": {"median": round(statistics.median(inference_ms), 2), "max": round(max(inference_ms), 2)},
    }


def _text(report: dict[str, Any]) -> str:
    notes = ", ".join(f"{name} {count}" for name, count in report["notes"].items())
    took, plans, files = report["inference_ms"], f"{report['plans']} plans", report["files"]
    return "\n".join(
        [
            f"{report['melody']}: {report['bars']} bars, the band joins in after {report['bars_listened']}.",
            f"  notes      {notes}",
            f"  inference  {took['median']} ms median, {took['max']} ms at most, {plans}, on {report['provider']}",
            f"  sound      {report['synthesiser']}",
            "Written:",
            f"  {files['mid']}   for your DAW",
            f"  {files['wav']}   to hear",
            f"  {files['png']}   to look at",
        ]
    )
