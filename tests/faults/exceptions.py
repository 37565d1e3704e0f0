"""Exceptions: of whoever is called by the loop, and of the engine itself."""

from __future__ import annotations

from typing import Any

from faults.broken import Injected
from faults.source import Source


class Callbacks(Source):
    """Whoever is called by the loop, and throws."""

    MOODS = (("well", 3), ("throwing", 1))

    def throws(self) -> bool:
        """Asked within each callback."""
        return self.mood == "throwing" and self.rng.random() < 0.1


class Sabotage(Source):
    """An engine whose own parts fail: any method of any part, before or after it did its work."""

    MOODS = (("well", 4), ("failing", 1))

    def act(self, length_s: float) -> None:
        """Break things now and then."""
        if self.mood == "failing":
            gap_s = max(1.0, length_s / 20)
            self.again(lambda: self.rng.expovariate(1 / gap_s), self._break)

    def _break(self) -> None:
        parts = sorted(self._parts(), key=lambda part: type(part).__name__)
        part = self.rng.choice(parts)
        names = [
            name
            for name in sorted(dir(type(part)))
            if not name.startswith("__")
            and callable(getattr(type(part), name))
            and not isinstance(vars(type(part)).get(name), (staticmethod, classmethod))
        ]
        name, before = self.rng.choice(names), self.rng.random() < 0.5
        if name in vars(part):
            return  # broken already
        whole = getattr(part, name)

        def broken(*args: Any, **kwargs: Any) -> Any:
            del part.__dict__[name]
            if not before:
                whole(*args, **kwargs)
            self.world.note("exception in the engine")
            self.world.trace(f"{type(part).__name__}.{name} throws")
            raise Injected(f"{type(part).__name__}.{name} throws")

        part.__dict__[name] = broken

    def _parts(self) -> list[Any]:
        engine = self.world.engine
        found, todo = [], list(vars(engine).values())
        while todo:
            item = todo.pop()
            ours = type(item).__module__.startswith("accompanist.engine") and hasattr(item, "__dict__")
            if ours and not any(item is other for other in found):
                found.append(item)
                todo += vars(item).values()
        return found
