"""`accompanist doctor`: what is installed, what works, and what to do about what does not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import shutil
import subprocess
from collections.abc import Callable
from typing import Literal, NamedTuple

import click

from accompanist.config import EngineConfig
from accompanist.errors import AccompanistError
from accompanist.music.time import STEPS_PER_BEAT
from accompanist.render.sound import find_sound_font
from accompanist.runtime.choice import in_ms
from accompanist.runtime.clock import MonotonicClock
from accompanist.runtime.infer import Session
from accompanist.runtime.installed import default_model_path
from accompanist.runtime.providers import PROVIDERS, why_provider_fails
from accompanist.runtime.realtime import why_no_priority
from accompanist.runtime.selection import select
from accompanist.runtime.systems import open_system

_MARKS = {"ok": "ok     ", "missing": "missing", "broken": "BROKEN "}
# What each extra brings, as it is imported.
_EXTRAS = {
    "train": ("torch", "jaxtyping", "safetensors", "pypianoroll", "symusic", "music21", "matplotlib"),
    "export": ("torch", "onnx", "onnxscript"),
    "audio": ("fluidsynth",),
    "link": ("link",),
    "test": ("pytest", "hypothesis"),
}

_ADVICE = {
    "cuda": "pip install 'onnxruntime-gpu[cuda,cudnn]', on a machine with an NVIDIA card",
    "directml": "pip install onnxruntime-directml in the place of onnxruntime-gpu",
}


class Finding(NamedTuple):
    """One line of the report.

    Args:
        what: What was looked at.
        state: "ok"; "missing": something else works without it; "broken": the program cannot do its work.
        seen: What was found.
        advice: What to do about it; empty where all is well.
    """

    what: str
    state: Literal["ok", "missing", "broken"]
    seen: str
    advice: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> int:
    """Check what is installed and works, and say what to do about what does not.

    The exit code is 0 unless something essential is broken.

    \b
    accompanist doctor
    accompanist doctor --json
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    findings = [finding for look in LOOKS for finding in look()]
    broken = any(finding.state == "broken" for finding in findings)
    if as_json:
        click.echo(json.dumps({"ok": not broken, "findings": [finding._asdict() for finding in findings]}, indent=2))
        return int(broken)
    for finding in findings:
        click.echo(f"{_MARKS[finding.state]}  {finding.what}: {finding.seen}")
        if finding.advice:
            click.echo(f"         -> {finding.advice}")
    return int(broken)


def _versions() -> list[Finding]:
    python = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    names = ("accompanist", "numpy", "onnxruntime-gpu", "onnxruntime", "python-rtmidi", "mido")
    installed = {name: version for name in names if (version := _version(name))}
    findings = [Finding("versions", "ok", ", ".join([python, *(f"{n} {v}" for n, v in installed.items())]))]
    if "onnxruntime" in installed and "onnxruntime-gpu" in installed:
        findings.append(
            Finding(
                "onnxruntime",
                "broken",
                "both onnxruntime and onnxruntime-gpu are installed, and write over each other's files",
                "pip uninstall -y onnxruntime onnxruntime-gpu && pip install -e .",
            )
        )
    return findings


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _extras() -> list[Finding]:
    findings = []
    for extra, modules in _EXTRAS.items():
        absent = [module for module in modules if importlib.util.find_spec(module) is None]
        findings.append(
            Finding(f"extra [{extra}]", "missing", f"without {', '.join(absent)}", f"pip install -e '.[{extra}]'")
            if absent
            else Finding(f"extra [{extra}]", "ok", "installed")
        )
    return findings


def _midi() -> list[Finding]:
    try:
        system = open_system("auto", MonotonicClock())
        try:
            listing = system.ports()
        finally:
            system.close()
    except AccompanistError as error:
        return [Finding("MIDI system", "missing", error.message, error.hint)]
    seen = f"{system.name} by {system.backend}, {len(listing.inputs)} ports in, {len(listing.outputs)} out"
    advice = "" if system.can_make_ports else "make virtual ports with loopMIDI to reach a DAW on this computer"
    return [Finding("MIDI system", "ok", seen, advice)]


def _priority() -> list[Finding]:
    reason = why_no_priority()
    if reason:
        return [
            Finding("real-time priority", "missing", reason, "notes may leave some ms late when the machine is busy")
        ]
    return [Finding("real-time priority", "ok", "granted")]


def _model() -> list[Finding]:
    path = default_model_path()
    try:
        session = Session(path)
        inference_s = session.warm_up()
    except AccompanistError as error:
        return [Finding("shipped model", "broken", error.message, "install Accompanist again: pip install -e .")]
    # The question is put `lead_steps` sixteenths before the answer is due.
    fastest_bpm = 60 * EngineConfig().lead_steps / STEPS_PER_BEAT / inference_s
    seen = (
        f"{session.spec.kind}, {', '.join(track.name for track in session.spec.tracks)}; an answer takes "
        f"{1000 * inference_s:.1f} ms on the CPU, in time up to {min(fastest_bpm, 300):.0f} BPM"
    )
    return [Finding("shipped model", "ok", seen, "" if fastest_bpm >= 120 else "serve with a larger --lead-steps")]


def _providers() -> list[Finding]:
    """Every provider timed as `serve --provider auto` does it, and what is known against those that do not load."""
    config = EngineConfig()
    try:
        _, choice = select(
            default_model_path(),
            provider="auto",
            beat_s=60 / config.bpm,
            clock=MonotonicClock(),
            tell=lambda text: click.echo(text, err=True),
            afresh=True,
        )
    except AccompanistError as error:
        return [Finding("providers", "missing", error.message, error.hint)]
    findings = [
        Finding(
            f"provider {timing.way}",
            "ok",
            f"{in_ms(timing)}; "
            + ("auto takes it" if timing.way == choice.way else f"auto passes it over for {choice.way}"),
        )
        for timing in choice.timings
    ]
    timed = {timing.way.provider for timing in choice.timings}
    for name in PROVIDERS:
        if name in timed or _made_for_another(name) or (name == "tensorrt" and "cuda" not in timed):
            continue
        reason = choice.passed_over.get(name) or why_provider_fails(name)
        findings.append(Finding(f"provider {name}", "missing", reason, _ADVICE.get(name, "")))
    return findings


def _made_for_another(provider: str) -> bool:
    """Whether a provider is made for another system than this."""
    system = platform.system()
    return system not in {"coreml": ("Darwin",), "directml": ("Windows",)}.get(provider, ("Linux", "Windows"))


def _sound() -> list[Finding]:
    program, sound_font = shutil.which("fluidsynth"), find_sound_font()
    return [
        Finding("FluidSynth", "ok", _first_line([program, "--version"]))
        if program
        else Finding(
            "FluidSynth", "missing", "demo.wav is made by the built-in synthesiser", "install the program fluidsynth"
        ),
        Finding("sound font", "ok", str(sound_font))
        if sound_font is not None and sound_font.is_file()
        else Finding(
            "sound font", "missing", "none found", "install fluid-soundfont-gm, or set ACCOMPANIST_SOUND_FONT"
        ),
    ]


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 (the program that `which` found)
            command, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]} (it does not start: {error})"
    return next(iter((done.stdout or done.stderr).splitlines()), command[0])


LOOKS: tuple[Callable[[], list[Finding]], ...] = (_versions, _midi, _priority, _model, _providers, _sound, _extras)
"""Everything that is looked at, in the order of the report."""
