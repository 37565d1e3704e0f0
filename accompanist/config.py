"""Settings: one frozen struct per stage, read from `config.toml`, every unknown key refused with its path.

Order of precedence, last wins: the defaults here, `config.toml`, a flag on the command line.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from accompanist.config_controls import ControlsConfig
from accompanist.config_train import PLAIN, DataConfig, TrainConfig
from accompanist.errors import ConfigError

__all__ = [
    "Config",
    "ControlsConfig",
    "DataConfig",
    "EngineConfig",
    "ServeConfig",
    "Setting",
    "TrackConfig",
    "TrainConfig",
    "load_config",
    "parse_config",
    "settings",
    "with_flags",
]

_T = TypeVar("_T", bound=msgspec.Struct)
_SMALLEST_RANGE = 11  # semitones: twelve notes
_EXPLAIN = "see every setting with: accompanist config explain"


class EngineConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the engine plays."""

    bpm: Annotated[float, Meta(ge=30, le=300, description="tempo in beats per minute where no MIDI clock leads")] = (
        120.0
    )
    beats_per_bar: Annotated[int, Meta(ge=2, le=12, description="beats in a bar (quarter notes)")] = 4
    listen_bars: Annotated[
        int,
        Meta(
            ge=0, le=64, description="bars of the song that the band only listens; at least one, or the model's window"
        ),
    ] = 0
    lead_steps: Annotated[
        int, Meta(ge=1, le=16, description="sixteenths before a plan's first note at which the model is asked")
    ] = 1
    replan_steps: Annotated[
        int,
        Meta(ge=0, le=64, description="sixteenths from one plan to the next, at most a plan; 0: as suits the model"),
    ] = 0
    seed: Annotated[int, Meta(ge=0, description="same seed, same melody: same accompaniment")] = 0
    lost_clock_beats: Annotated[
        int, Meta(ge=1, le=64, description="beats to go on at the last tempo when the MIDI clock falls silent")
    ] = 4
    song_position: Annotated[
        Literal["sixteenths", "clocks"],
        Meta(description="what the song position counts that leads; clocks: it comes from Ardour before 7.4"),
    ] = "sixteenths"
    hold_bars: Annotated[
        int, Meta(ge=0, le=64, description="bars the last harmony is held where the model gives no plan, then silence")
    ] = 4
    rest_bars: Annotated[
        int, Meta(ge=0, le=64, description="bars you may rest before the band thins out and stops; 0: it plays on")
    ] = 4
    follow_density: Annotated[bool, Meta(description="the band plays fewer notes where you play few")] = True


class TrackConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one track of the band leaves; NAME is the track's, such as bass."""

    channel: Annotated[
        Annotated[int, Meta(ge=1, le=16)] | None, Meta(description="MIDI channel, 1 to 16; the model's where not set")
    ] = None
    program: Annotated[
        Annotated[int, Meta(ge=0, le=128)] | None,
        Meta(description="General MIDI instrument, counted from 1; 0: none is sent; the model's where not set"),
    ] = None
    volume: Annotated[
        Annotated[int, Meta(ge=0, le=127)] | None, Meta(description="channel volume; none is sent where not set")
    ] = None
    pan: Annotated[
        Annotated[int, Meta(ge=0, le=127)] | None,
        Meta(description="0 left, 64 middle, 127 right; none is sent where not set"),
    ] = None
    transpose: Annotated[int, Meta(ge=-48, le=48, description="semitones added to every note")] = 0
    lowest: Annotated[
        int, Meta(ge=0, le=127, description="lowest note, as MIDI counts; those below move up by octaves")
    ] = 0
    highest: Annotated[
        int, Meta(ge=0, le=127, description="highest note, as MIDI counts; those above move down by octaves")
    ] = 127
    port: Annotated[str, Meta(description="a port of its own, instead of serve.out")] = ""
    advance_ms: Annotated[
        Annotated[float, Meta(ge=0, le=500)] | None,
        Meta(description="ms earlier this track leaves; serve.advance_ms where not set"),
    ] = None

    def __post_init__(self) -> None:
        """Every pitch class must have a place.

        Raises:
            ValueError: the range is smaller than an octave.
        """
        if self.highest - self.lowest < _SMALLEST_RANGE:
            raise ValueError(
                f"lowest is {self.lowest} and highest is {self.highest}; accepted: highest at least {_SMALLEST_RANGE} "
                "above lowest, so that each note has a place"
            )


class ServeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `accompanist serve` connects to."""

    melody: Annotated[str, Meta(description="port you are heard on: its name, a part of it, or a new one")] = (
        msgspec.field(default="Accompanist In", name="in")
    )
    band: Annotated[str, Meta(description="port the band plays to: its name, a part of it, or a new one")] = (
        msgspec.field(default="Accompanist Out", name="out")
    )
    clock: Annotated[str, Meta(description="port whose MIDI clock leads; empty: none has one of its own")] = ""
    control: Annotated[str, Meta(description="another port with mapped controls; empty: serve.in alone has them")] = ""
    clock_out: Annotated[str, Meta(description="port that gets our MIDI clock, where none leads; empty: none")] = ""
    link: Annotated[bool, Meta(description="be led by the Ableton Link session on the local network")] = False
    count_in_bars: Annotated[
        int, Meta(ge=0, le=8, description="bars of clicks, then the song begins by itself; 0: with your first note")
    ] = 0
    sync: Annotated[bool, Meta(description="follow the MIDI clock that arrives on serve.in")] = False
    model: Annotated[str, Meta(description="path of an .onnx model; empty: the shipped one")] = ""
    provider: Annotated[
        Literal["auto", "cpu", "cuda", "tensorrt", "coreml", "directml"],
        Meta(description="what runs the model; auto times those that load, as in play, and takes the best"),
    ] = "auto"
    backend: Annotated[
        Literal["auto", "rtmidi", "jack"],
        Meta(description="what speaks to the MIDI system; auto takes jack, exact to the frame, where a server runs"),
    ] = "auto"
    channel: Annotated[int, Meta(ge=0, le=16, description="MIDI channel of the melody, 1 to 16; 0: any channel")] = 0
    split: Annotated[
        str,
        Meta(
            pattern=r"^$|^[A-Ga-g](#|b)?-?\d$",
            title="a note such as C3, where C4 is middle C",
            description="keys below this note are the harmony to follow, and no melody; empty: all keys are melody",
        ),
    ] = ""
    thru: Annotated[bool, Meta(description="send the melody on to the output as well")] = False
    advance_ms: Annotated[
        float,
        Meta(ge=0, le=500, description="ms earlier the band leaves, for what comes after; see accompanist calibrate"),
    ] = 0.0
    split_ports: Annotated[bool, Meta(description="one output port per track instead of one channel per track")] = False
    control_socket: Annotated[
        str,
        Meta(description="where commands are taken (docs/control.md): auto, a path or localhost:PORT; empty: nowhere"),
    ] = ""
    exit_on_lost: Annotated[bool, Meta(description="end when a port is lost, instead of waiting until it is back")] = (
        False
    )
    wait: Annotated[
        bool, Meta(description="wait for a port that is not there at the start, instead of making one of its name")
    ] = False
    setup: Annotated[bool, Meta(description="send each track's program, volume and pan when the music begins")] = True
    log: Annotated[str, Meta(description="file for the performance log (JSON Lines), added to; empty: none")] = ""
    tracks: dict[str, TrackConfig] = {}

    def __post_init__(self) -> None:
        """One clock leads at most, and what is waited for does not end it.

        Raises:
            ValueError: two settings do not go together.
        """
        if self.clock and self.sync:
            raise ValueError(f"clock is {self.clock!r} and sync is true; accepted: one of the two")
        if self.link and (self.follows_clock or self.count_in_bars):
            other = "count_in_bars is set" if self.count_in_bars else "a MIDI clock leads"
            raise ValueError(f"link is true and {other}; accepted: one of the two")
        if self.wait and self.exit_on_lost:
            raise ValueError("wait is true and exit_on_lost is true; accepted: one of the two")
        if self.clock_out and self.follows_clock:
            raise ValueError(f"clock_out is {self.clock_out!r} and a MIDI clock leads; accepted: one of the two")
        if self.count_in_bars and self.follows_clock:
            raise ValueError(f"count_in_bars is {self.count_in_bars} and a MIDI clock leads; accepted: one of the two")

    @property
    def follows_clock(self) -> bool:
        """A MIDI clock leads."""
        return self.sync or bool(self.clock)


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings."""

    engine: EngineConfig = EngineConfig()
    serve: ServeConfig = ServeConfig()
    controls: ControlsConfig = ControlsConfig()
    train: TrainConfig = TrainConfig()
    data: DataConfig = DataConfig()


def load_config(path: Path | None) -> Config:
    """Read a config file; None means `config.toml` in the working folder if there is one, else the defaults.

    Raises:
        ConfigError: the file is missing, is not TOML, or has an unknown key or a value out of range.
    """
    if path is None:
        path = Path("config.toml")
        if not path.is_file():
            return Config()
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}", hint="name a file that exists with --config"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not valid TOML: {error}", hint="compare it with: accompanist config explain"
        ) from error
    return parse_config(text, path)


def parse_config(text: str, path: Path) -> Config:
    """Read the text of a config file.

    Args:
        text: TOML.
        path: Where it stands, for the messages.

    Raises:
        ConfigError: it is not TOML, or has an unknown key or a value out of range.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{path} is not valid TOML: {error}", hint="compare it with: accompanist config explain"
        ) from error
    try:
        return msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_problem(str(error), table)}", hint=_EXPLAIN) from error


def with_flags(stage: _T, flags: dict[str, Any]) -> _T:
    """A stage's settings with those flags laid over it that were given (are not None or empty).

    Raises:
        ConfigError: a value is out of range.
    """
    given = {key: value for key, value in flags.items() if value is not None and value != ()}
    try:
        return msgspec.convert({**msgspec.to_builtins(stage), **given}, type(stage))
    except msgspec.ValidationError as error:
        name = next(field.name for field in msgspec.structs.fields(Config) if field.type is type(stage))
        raise ConfigError(_problem(str(error), given, flags_of=name), hint=_EXPLAIN) from error


def _problem(said: str, table: dict[str, Any], *, flags_of: str = "") -> str:
    """What msgspec says is wrong, in our words: the setting, the value seen, what is accepted.

    Args:
        said: Such as "Expected `float` >= 30.0 - at `$.engine.bpm`".
        table: What it was said of.
        flags_of: The stage whose flags they are; empty: the table is a settings file's.
    """
    what, _, place = said.partition(" - at `$")
    place = re.sub(r"\[\d+\]", "", place)  # of a list the whole is shown
    before, _, behind = place.partition("[...]")
    keys = re.findall(r"\w+", before)
    named = list(keys)  # the keys of `settings`
    value: Any = table
    for step in keys:
        value = value[step]
    if "[...]" in place and isinstance(value, dict):  # a table of names: msgspec does not say which of them
        keys.append(_faulty_entry(value, keys))
        named.append("NAME")
        value = value[keys[-1]]
    for step in re.findall(r"\w+", behind):
        keys.append(step)
        named.append(step)
        value = value[step]
    kinds = {setting.key: setting.kind for setting in settings()}
    key, name = (".".join([flags_of, *each] if flags_of else each) for each in (keys, named))
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what):
        key, name = (f"{each}.{unknown[1]}".lstrip(".") for each in (key, name))
        near = difflib.get_close_matches(name, kinds, n=1)
        return f"there is no setting {key}" + (f"; the nearest is {near[0]}" if near else "")
    kind = kinds.get(name) or kinds.get(name.removesuffix(".NAME"))  # the table itself may be the setting
    if kind is None:  # a stage that is no table, or one whose settings do not go together
        return f"{key}: {what}"
    shown = f"--{keys[-1].replace('_', '-')}" if flags_of else key
    return f"{shown} is {value!r}; accepted: {kind}"


def _faulty_entry(entries: dict[str, Any], keys: Sequence[str]) -> str:
    """Which entry of a table that the user names its entries of is wrong."""
    for name, its in entries.items():
        table: Any = {name: its}
        for key in reversed(keys):
            table = {key: table}
        try:
            msgspec.convert(table, Config)
        except msgspec.ValidationError:
            return name
    return "NAME"


class Setting(NamedTuple):
    """One setting as the documentation shows it.

    Args:
        key: Such as train.epochs.
        default: Its value where it is not set.
        kind: What is accepted: kind and range.
        meaning: In a line.
        plain: In a musician's words; empty where the line says all.
    """

    key: str
    default: Any
    kind: str
    meaning: str
    plain: str = ""


def settings() -> list[Setting]:
    """Every setting with its default, kind and range, and meaning, in order.

    Those of a table that the user names, such as `[serve.tracks.bass]`, have NAME in their key.
    """
    return [found for stage in msgspec.structs.fields(Config) for found in _settings_of(stage.name, stage.type)]


def _settings_of(path: str, table: Any) -> list[Setting]:
    found = []
    for field in msgspec.structs.fields(table):
        kind, meta = field.type, None
        key = f"{path}.{field.encode_name}"
        if get_origin(kind) is Annotated:
            kind, meta = get_args(kind)
        if get_origin(kind) is dict and hasattr(get_args(kind)[1], "__struct_fields__"):
            found += _settings_of(f"{key}.NAME", get_args(kind)[1])
            continue
        meaning = (meta.description if meta else None) or ""
        plain = str(((meta.extra if meta else None) or {}).get(PLAIN, ""))
        if get_origin(kind) in (Union, types.UnionType):  # such as a number or nothing: the bounds are the number's
            kind, meta = get_args(get_args(kind)[0])
        default = {} if field.default is msgspec.NODEFAULT else field.default
        found.append(Setting(key, default, _kind_text(kind, meta), meaning, plain))
    return found


def _kind_text(kind: Any, meta: Meta | None) -> str:
    if meta and meta.title:
        return meta.title
    if get_origin(kind) is Literal:
        return " | ".join(str(choice) for choice in get_args(kind))
    if get_origin(kind) is tuple:
        return "list of text"
    text = {str: "text", int: "whole number", float: "number", bool: "true | false"}[kind]
    bounds = (
        [
            f"{sign} {value:g}"
            for sign, value in ((">=", meta.ge), (">", meta.gt), ("<=", meta.le), ("<", meta.lt))
            if value is not None
        ]
        if meta
        else []
    )
    return ", ".join([text, *bounds])
