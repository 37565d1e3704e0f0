"""How much is held in memory, counted in elements of containers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from accompanist.engine.line import Line
from accompanist.engine.memory import Memory
from accompanist.engine.protocol import AheadReport, BeatReport, Event, HeardReport, Message, PlanReport
from accompanist.music.note import Note
from accompanist.runtime.loop import Inbox

_TOLD = (Message, Event, AheadReport, BeatReport, HeardReport, PlanReport)
_PLAIN = (int, float, str, bytes, type(None), Note, *_TOLD)


def held_elements(roots: Iterable[Any]) -> int:
    """Elements of all containers that attributes of our own classes lead to; inbox, line and memory apart."""
    seen: set[int] = set()
    todo = list(roots)
    count = 0
    while todo:
        item = todo.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, dict):
            count += len(item)
            todo += (value for pair in item.items() for value in pair if not isinstance(value, _PLAIN))
        elif isinstance(item, (list, tuple, set, frozenset, deque)):
            count += len(item)
            todo += (value for value in item if not isinstance(value, _PLAIN))
        elif type(item).__module__.startswith("accompanist.") and not isinstance(item, Inbox | Line | Memory):
            names = getattr(type(item), "__slots__", ())
            todo += (getattr(item, name) for name in names if hasattr(item, name))
            todo += getattr(item, "__dict__", {}).values()
    return count
