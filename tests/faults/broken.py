"""What is thrown: on purpose, and where something that must hold does not."""

from __future__ import annotations


class Injected(RuntimeError):
    """An exception thrown on purpose."""


class Broken(BaseException):
    """An invariant does not hold. It passes every `except Exception` between here and the simulation's end."""
