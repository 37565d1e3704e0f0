"""The page Compose: a melody from a file, the house's own or the keys; the band to it, to see, hear and download."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from accompanist.console.compose.arranger import Arranger
from accompanist.console.compose.sources import Kept, Played, name_of, ready_midi
from accompanist.console.compose.worker import Arrange, Found
from accompanist.console.page import Page
from accompanist.console.responses import JSON, Refusal, read_bytes, read_json
from accompanist.console.services import Services
from accompanist.console.songs import ToldSong, told
from accompanist.melodies import MELODIES
from accompanist.music import midifile
from accompanist.music.song import MidiSong
from accompanist.runtime.arrange import Wish

MOST_SOURCES, MOST_TAKES = 16, 48
MOST_SEED = 2**31 - 1


class Source(msgspec.Struct, frozen=True):
    """A melody that was brought."""

    midi: bytes
    title: str
    found: Found


class Take(msgspec.Struct, frozen=True):
    """What was made of one."""

    song: MidiSong
    title: str
    told: ToldSong
    bars: int
    inference_ms: float


class Ask(msgspec.Struct, forbid_unknown_fields=True):
    """What to make.

    Args:
        source: Name of a melody that was brought.
        track: Index of its part; None: the most likely one.
        model: Of the page Models; empty: the one in use.
        seed: Another seed, another accompaniment.
        temperature: As the control.
        density: As the control.
        style: One of the model's; empty: its first.
    """

    source: str
    track: Annotated[int, Meta(ge=0, le=4096)] | None = None
    model: str = ""
    seed: Annotated[int, Meta(ge=0, le=MOST_SEED)] = 0
    temperature: Annotated[float, Meta(ge=0, le=2)] = 1.0
    density: Annotated[float, Meta(ge=0, le=1)] = 1.0
    style: str = ""


def page(services: Services) -> Page:
    """The page."""
    compose = _Compose(services)
    return Page(
        "compose",
        "Compose",
        [
            Route("/api/compose", compose.choices),
            Route("/api/compose/files", compose.bring_file, methods=["POST"]),
            Route("/api/compose/played", compose.bring_played, methods=["POST"]),
            Route("/api/compose/ready/{name}", compose.bring_ready, methods=["POST"]),
            Route("/api/compose/takes", compose.take, methods=["POST"]),
            Route("/api/compose/takes/{take}/midi", compose.midi),
            Route("/api/compose/takes/{take}/sound", compose.sound),
        ],
        lifespan=compose.lifespan,
    )


class _Compose:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._arranger = Arranger()
        self._sources: Kept[Source] = Kept(MOST_SOURCES)
        self._takes: Kept[Take] = Kept(MOST_TAKES)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """The composing process ends with the console."""
        async with self._arranger.lifespan():
            yield

    async def choices(self, _request: Request) -> Response:
        """What there is to choose from."""
        await self._arranger.begin()
        models = await run_in_threadpool(self._services.models.all)
        return JSON(
            {
                "melodies": [
                    {"name": its.name, "title": its.title, "bars": its.bars, "bpm": its.bpm}
                    for its in MELODIES.values()
                ],
                "models": [
                    {"id": model.id, "in_use": model.in_use, "styles": model.spec.styles}
                    for model in models
                    if model.spec is not None
                ],
            }
        )

    # --- melodies ---

    async def bring_file(self, request: Request) -> Response:
        """A MIDI file."""
        title = request.query_params.get("name", "")[:100] or "your file"
        return await self._brought(await read_bytes(request, midifile.MAX_FILE_BYTES), title)

    async def bring_played(self, request: Request) -> Response:
        """What was played on the keys."""
        played = await read_json(request, Played)
        return await self._brought(played.midi(), "played here")

    async def bring_ready(self, request: Request) -> Response:
        """One of the house's own."""
        melody = MELODIES.get(request.path_params["name"])
        if melody is None:
            raise Refusal(404, "there is no such melody", f"there are {', '.join(MELODIES)}")
        return await self._brought(ready_midi(melody), melody.title)

    async def _brought(self, midi: bytes, title: str) -> Response:
        found = await self._arranger.read(midi)
        name = name_of(midi)
        self._sources.put(name, Source(midi, title, found))
        return JSON({"source": name, "title": title, **msgspec.to_builtins(found)})

    # --- takes ---

    async def take(self, request: Request) -> Response:
        """Make one, or show it again where it was made already."""
        ask = await read_json(request, Ask)
        source = self._sources.get(ask.source)
        if source is None:
            raise Refusal(404, "this melody is not here any more", "bring it again")
        models = await run_in_threadpool(self._services.models.all)
        model = next((its for its in models if its.id == ask.model or (not ask.model and its.in_use)), None)
        if model is None or model.spec is None:
            raise Refusal(404, f"there is no model {ask.model!r} that can play", "see the page Models")
        wish = Wish(ask.density, ask.temperature, ask.style)
        wish.commands(model.spec)  # a style it does not know is told before the work
        question = Arrange(
            source.midi,
            source.found.melody if ask.track is None else ask.track,
            str(model.path),
            msgspec.structs.replace(self._services.config.engine, seed=ask.seed),
            wish,
        )
        name = name_of(msgspec.json.encode([question, _stamp(model.path)]))
        made = self._takes.get(name)
        if made is None:
            answer = await self._arranger.arrange(question)
            song = await run_in_threadpool(midifile.parse, answer.midi)
            made = Take(song, source.title, await run_in_threadpool(told, song), answer.bars, answer.inference_ms)
            self._takes.put(name, made)
        return JSON(
            {
                "take": name,
                "title": made.title,
                "bars": made.bars,
                "inference_ms": made.inference_ms,
                "song": made.told,
                **_turned(ask, model.id),
            }
        )

    async def midi(self, request: Request) -> Response:
        """A take as a MIDI file, without the tracks that are muted."""
        made, song = self._heard(request)
        name = "".join(each if each.isascii() and each.isalnum() else "-" for each in made.title).strip("-")[:40]
        disposition = {"content-disposition": f'attachment; filename="{name or "band"}-accompanied.mid"'}
        return Response(await run_in_threadpool(midifile.render, song), media_type="audio/midi", headers=disposition)

    async def sound(self, request: Request) -> Response:
        """The same as sound; rendered once and kept."""
        _, song = self._heard(request)
        return FileResponse(await run_in_threadpool(self._services.sounds.of, song), media_type="audio/wav")

    def _heard(self, request: Request) -> tuple[Take, MidiSong]:
        made = self._takes.get(request.path_params["take"])
        if made is None:
            raise Refusal(404, "this take is not here any more", "make it again")
        muted = set(request.query_params.get("mute", "").split(","))
        tracks = tuple(track for i, track in enumerate(made.song.tracks) if str(i) not in muted)
        if not tracks:
            raise Refusal(422, "every track is muted, so there is nothing to hear", "unmute one")
        return made, MidiSong(tracks, made.song.tempo, made.song.meters)


def _turned(ask: Ask, model: str) -> dict[str, Any]:
    return {
        "seed": ask.seed, "temperature": ask.temperature, "density": ask.density, "style": ask.style, "model": model,
    }  # fmt: skip


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns
