"""The console's side of the composing process: started when it is first needed, one question at a time.

A process that says nothing for too long, or dies over a file, is ended, the question is refused, and the next one gets
a new process.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec

from accompanist.console.compose.worker import Arrange, Failed, Found, Made, Read
from accompanist.errors import AccompanistError, BadMidi, DataError

PATIENCE_S = 180.0
"""Longer than the longest song takes on a slow machine."""
END_S = 2.0
_MOST_LINE_BYTES = 64 << 20
_decoder: msgspec.json.Decoder[Found | Made | Failed] = msgspec.json.Decoder(Found | Made | Failed)


class Arranger:
    """Reads and accompanies songs.

    Args:
        program: What to run.
        patience_s: How long an answer may take.
    """

    def __init__(
        self,
        program: Sequence[str] = (sys.executable, "-m", "accompanist.console.compose.worker"),
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._program = program
        self._patience_s = patience_s
        self._process: asyncio.subprocess.Process | None = None
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Ends the process."""
        try:
            yield
        finally:
            await self._end()

    async def begin(self) -> None:
        """Start the process, so that it is there when the first song comes."""
        async with self._one_at_a_time:
            self._process = self._process or await self._started()

    async def read(self, midi: bytes) -> Found:
        """What a MIDI file holds.

        Raises:
            DataError: it is damaged, or has no melody.
            AccompanistError: it cannot be read in time.
        """
        found = await self._ask(Read(midi))
        assert isinstance(found, Found)  # noqa: S101 (of each question the one kind of answer)
        return found

    async def arrange(self, question: Arrange) -> Made:
        """Accompany a melody.

        Raises:
            DataError: the melody cannot be accompanied.
            AccompanistError: the model fails, or takes too long.
        """
        made = await self._ask(question)
        assert isinstance(made, Made)  # noqa: S101 (see above)
        return made

    async def _ask(self, question: Read | Arrange) -> Found | Made:
        async with self._one_at_a_time:
            try:
                process = self._process = self._process or await self._started()
                assert process.stdin is not None  # noqa: S101 (a pipe, as asked for)
                assert process.stdout is not None  # noqa: S101 (see above)
                process.stdin.write(msgspec.json.encode(question) + b"\n")
                line = await asyncio.wait_for(self._answered(process), self._patience_s)
                answer = _decoder.decode(line)
            except (
                BaseException
            ) as error:  # also a page that went away meanwhile: its answer must not be the next one's
                await self._end()
                if isinstance(error, (OSError, TimeoutError, ValueError, msgspec.MsgspecError)):
                    raise AccompanistError(
                        f"the song took longer than {self._patience_s:.0f} s"
                        if isinstance(error, TimeoutError)
                        else "the process that reads and accompanies songs ended over this one",
                        hint="try a shorter one",
                    ) from error
                raise
        if isinstance(answer, Failed):
            raise (BadMidi if answer.damaged else DataError)(answer.message, hint=answer.hint)
        return answer

    async def _answered(self, process: asyncio.subprocess.Process) -> bytes:
        assert process.stdin is not None  # noqa: S101 (see above)
        assert process.stdout is not None  # noqa: S101 (see above)
        await process.stdin.drain()
        return await process.stdout.readline()

    async def _started(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._program,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_MOST_LINE_BYTES,
            start_new_session=True,  # Ctrl-C in the terminal is the console's to pass on
        )

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), END_S)
