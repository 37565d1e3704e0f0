"""Every error a user can meet, each with the way out.

AccompanistError            exit 1
├── ConfigError             exit 2   a setting is unknown, of the wrong kind or out of range
├── PortError               exit 3
│   ├── PortNotFound                 no such MIDI port, and none can be made
│   ├── PortLost                     a port went away while playing
│   └── NoMidiSystem                 there is no MIDI system to open ports in
├── ModelError              exit 4
│   ├── SpecMismatch                 the model cannot be served, or is no Accompanist model
│   ├── ProviderMissing              the asked-for execution provider does not load
│   └── ExportMismatch               the exported model differs from the trained one
├── DataError               exit 5
│   ├── BadMidi                      a damaged MIDI file
│   └── EmptyDataset                 nothing left to train on
├── TrainingError           exit 7   a run diverged or cannot be resumed
├── MissingExtra            exit 8   a command needs an extra that is not installed
├── StorageError            exit 9   a file or folder cannot be written
├── ControlError            exit 10  the control socket cannot be opened, nobody answers there, a command is refused, or
│                                    nothing was touched that could be learnt
├── JobError                exit 11  there is no such job, what is asked cannot be done with it, it failed, or its
│                                    database does not answer
└── ConsoleError            exit 12  the console cannot be opened at that address
"""

from __future__ import annotations


class AccompanistError(Exception):
    """What happened, in a sentence, with the next thing to type in `hint`.

    Args:
        message: What happened, the value seen and what would be accepted.
        hint: The next command or action, or an empty string.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(AccompanistError):
    """A setting is unknown, of the wrong kind or out of range."""

    exit_code = 2


class PortError(AccompanistError):
    """Something is wrong with a MIDI port."""

    exit_code = 3


class PortNotFound(PortError):
    """No such MIDI port, and none of that name can be made."""


class PortLost(PortError):
    """A MIDI port went away while playing."""


class NoMidiSystem(PortError):
    """There is no MIDI system to open ports in."""


class ModelError(AccompanistError):
    """Something is wrong with a model file."""

    exit_code = 4


class SpecMismatch(ModelError):
    """The model cannot be served here, or is no Accompanist model."""


class ProviderMissing(ModelError):
    """The execution provider asked for does not load on this machine."""


class ExportMismatch(ModelError):
    """The exported model does not compute what the trained one does."""


class DataError(AccompanistError):
    """Something is wrong with musical data."""

    exit_code = 5


class BadMidi(DataError):
    """A MIDI file is damaged; the message says where."""


class EmptyDataset(DataError):
    """Nothing is left to train on."""


class TrainingError(AccompanistError):
    """A training run diverged or cannot be resumed."""

    exit_code = 7


class MissingExtra(AccompanistError):
    """A command needs an optional extra that is not installed."""

    exit_code = 8


class StorageError(AccompanistError):
    """A file or folder cannot be written (permissions, full disk)."""

    exit_code = 9


class ControlError(AccompanistError):
    """The control socket cannot be opened, nobody answers there, a command is refused, or nothing was learnt."""

    exit_code = 10


class JobError(AccompanistError):
    """There is no such job, what is asked cannot be done with it, it failed, or its database does not answer."""

    exit_code = 11


class ConsoleError(AccompanistError):
    """The console cannot be opened at that address."""

    exit_code = 12
