"""Ears on engine, ports, inbox and telemetry: what passes is told to the watch, and goes on as it was."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from faults.broken import Broken, Injected
from faults.device import Device

from accompanist.engine.protocol import Input, PortChange, Received, Step

if TYPE_CHECKING:
    from faults.world import World


def observe(world: World) -> None:
    """Put ears on everything, before the loop is made."""
    _on_engine(world)
    for track, port in world.stage.outputs.items():
        bare = getattr(port, "_port", port) if type(port).__name__ == "BesideTheBand" else port
        if "send" not in vars(bare):
            _on_port(world, bare, world.stage.devices[track])
    receive, sent = world.inbox.receive, world.telemetry.sent

    def received(item: Input) -> None:
        world.received(item)
        receive(item)

    def counted(due_s: float, at_s: float) -> None:
        sent(due_s, at_s)
        world.watch.count(due_s, at_s)

    world.inbox.receive = received  # type: ignore[method-assign]
    world.telemetry.sent = counted  # type: ignore[method-assign]


def _on_engine(world: World) -> None:
    engine = world.engine
    step, status, close, jump = engine.step, engine.status, engine.close, engine._band.jump

    def stepped(now_s: float, inputs: Sequence[Input]) -> Step:
        try:
            done = step(now_s, inputs)
        except Injected:
            world.watch.threw()
            raise
        except Exception as error:
            raise Broken(f"the engine raised by itself: {''.join(traceback.format_exception(error))}") from error
        world.watch.stepped(done, now_s)
        if any(isinstance(item, PortChange) and item.role == "in" and not item.there for item in inputs):
            let_go(world, inputs)
        for event in done.events:
            world.trace(f"! {event.name} {event.detail}")
        return done

    def stands(now_s: float) -> Any:
        try:
            where = status(now_s)
        except Injected:
            world.watch.threw()
            raise
        world.watch.stands(where)
        world.stood(where.tick)
        return where

    def closed(now_s: float) -> Step:
        world.watch.closing = True
        return close(now_s)

    def jumped(*args: Any, **kwargs: Any) -> None:
        world.watch.band.jumps(len(engine._outbox._reports), engine._band._planner._jobs)
        jump(*args, **kwargs)

    engine.step, engine.status, engine.close = stepped, stands, closed  # type: ignore[method-assign]
    engine._band.jump = jumped  # type: ignore[method-assign]


def let_go(world: World, inputs: Sequence[Input]) -> None:
    """The player's port is lost: no key of it is down any more, unless one was pressed in the same step."""
    keys = world.engine._bars._running
    if keys and not any(isinstance(item, Received) for item in inputs):
        raise Broken(f"the keyboard is gone and {sorted(keys)} count as held")


def _on_port(world: World, port: Any, device: Device) -> None:
    send, send_at = port.send, port.send_at

    def sent(data: bytes) -> None:
        send(data)
        world.watch.given(device, data, world.now())

    def sent_at(data: bytes, due_s: float, tag: object = None) -> None:
        send_at(data, due_s, tag)
        world.watch.given(device, data, world.now(), due_s)

    port.send, port.send_at = sent, sent_at
