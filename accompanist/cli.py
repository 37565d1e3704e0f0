"""The `accompanist` command: sub-commands loaded only when called, and every error told in plain words."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from accompanist.errors import AccompanistError, MissingExtra, StorageError

# name -> (module:attribute, one line for the overview). The overview must not import the modules: it stays fast.
COMMANDS = {
    "demo": ("accompanist.commands.demo:demo", "Hear it: a melody that ships with the project, accompanied."),
    "serve": ("accompanist.commands.serve:serve", "Play live: melody in on a MIDI port, accompaniment out."),
    "accompany": ("accompanist.commands.accompany:accompany", "Accompany MIDI files."),
    "ports": ("accompanist.commands.ports:ports", "List the MIDI ports."),
    "panic": ("accompanist.commands.ports:panic", "Silence everything on an output port."),
    "calibrate": ("accompanist.commands.calibrate:calibrate", "Measure how much earlier the band should leave."),
    "learn": ("accompanist.commands.learn:learn", "Map a key, knob or pedal by touching it."),
    "control": ("accompanist.commands.control:control", "Tell a running serve what to do, or ask how it stands."),
    "doctor": ("accompanist.commands.doctor:doctor", "Check what is installed and what to do about what is not."),
    "config": ("accompanist.commands.config:config", "Show and explain the settings."),
    "data": ("training.commands.data:data", "List, add and show sources of music to train on."),
    "train": ("training.commands.train:train", "Train a model on real music."),
    "jobs": ("training.commands.jobs:jobs", "Queue trainings, and have workers do them."),
    "sweep": ("training.commands.sweep:sweep", "Find the settings under which a model learns best."),
    "runs": ("accompanist.commands.runs:runs", "List, show, compare and remove training runs."),
    "use": ("accompanist.commands.use:use", "Choose the model that plays."),
    "export": ("export.command:export", "Turn a training run into a verified ONNX model."),
    "evaluate": ("export.evaluate:evaluate", "Measure how a model plays songs it never saw."),
    "console": ("accompanist.commands.console:console", "Train, watch, hear and play, in the browser."),
}
EXTRAS = {
    "torch": "train", "jaxtyping": "train", "safetensors": "train", "symusic": "train", "music21": "train",
    "matplotlib": "train", "pypianoroll": "train", "onnx": "export", "onnxscript": "export", "fluidsynth": "audio",
    "jinja2": "train", "soundfile": "train", "tensorboard": "tensorboard",
    "starlette": "console", "uvicorn": "console", "chartkick": "console", "markdown_it": "console",
    "dbos": "jobs", "psycopg": "jobs", "sqlalchemy": "jobs", "optuna": "sweep",
}  # fmt: skip


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """In the order of the table, which is the order a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command.

        Raises:
            MissingExtra: it needs a package of an extra that is not installed.
        """
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        try:
            command: click.Command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise missing_extra(error, f"`accompanist {cmd_name}`") from error
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The overview, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def missing_extra(error: ModuleNotFoundError, what: str) -> Exception:
    """The error to raise when a package is missing: which extra brings it, or the error itself where none does."""
    package = (error.name or "").partition(".")[0]
    if package not in EXTRAS:
        return error
    extra = EXTRAS[package]
    return MissingExtra(
        f"{what} needs the package {package}, which is not installed",
        hint=f"in the clone: pip install -e '.[{extra}]'",
    )


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="accompanist")
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path), help="Settings file instead of ./config.toml."
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, config_path: Path | None, debug: bool) -> None:  # noqa: ARG001 (main reads --debug)
    """Play a melody; Accompanist plays the rest of the band, in time.

    \b
    accompanist demo                                 hear it, with nothing connected
    accompanist serve --in "Keyboard" --out "DAW"    play live
    accompanist train                                train a model of your own
    """  # noqa: D301 (\b is click's mark for a block it must not wrap)
    ctx.obj = config_path


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; errors go to stderr in plain words, the exit code says of what kind."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code: Any = cli.main(args=arguments, standalone_mode=False)
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.Abort:
        click.echo("stopped", err=True)
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except Exception as error:
        if "--debug" in arguments:  # a traceback is for those who ask for it
            raise
        code = tell(_in_plain_words(error))
    sys.exit(code if isinstance(code, int) else 0)


def _in_plain_words(error: Exception) -> AccompanistError:
    if isinstance(error, AccompanistError):
        return error
    if isinstance(error, ModuleNotFoundError):
        found = missing_extra(error, "this command")
        return found if isinstance(found, AccompanistError) else AccompanistError(str(error), hint="pip install -e .")
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return StorageError(
            f"{where}{error.strerror or error}", hint="check the path, the permissions and the free space"
        )
    # torch has a class of its own for a full card, and is not loaded here to ask.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return AccompanistError("out of memory", hint="close other programs, or choose a smaller --batch or --width")
    return AccompanistError(
        f"this is a fault of Accompanist's own: {type(error).__name__}: {error}",
        hint="report it with what `accompanist --debug ...` prints",
    )


def tell(error: AccompanistError) -> int:
    """Print an error and its hint to stderr; returns its exit code."""
    click.echo(f"error: {error.message}", err=True)
    if error.hint:
        click.echo(f"  try: {error.hint}", err=True)
    return error.exit_code
