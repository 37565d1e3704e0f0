"""The band that the stage page starts."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from accompanist.console.stage.band import END_S, KEPT_LOGS, Band, Start
from accompanist.console.stage.daemon import Sleep
from accompanist.errors import ConsoleError, StorageError
from accompanist.runtime.control_address import usual_address

SAYS_NO = (
    "import sys; print('ready to fail'); sys.exit('error: there is no port \\'Keys\\'\\n  try: accompanist ports')"
)
ENDS_WHEN_TOLD = "import time; time.sleep(1000)"


def band_at(folder: Path, code: str = ENDS_WHEN_TOLD, sleep: Sleep = asyncio.sleep) -> Band:
    today = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return Band(folder, lambda: today, sleep, None, (sys.executable, "-c", code))


def test_what_is_chosen_becomes_flags() -> None:
    wish = Start(melody="Keys", band="Synth: 1", leader="clock", clock="Drums", bpm=96.5, count_in_bars=1, split="C3")
    assert wish.flags() == [
        "--bpm=96.5", "--beats-per-bar=4", "--in=Keys", "--out=Synth: 1", "--clock=Drums", "--split=C3", "--no-thru",
    ]  # fmt: skip
    assert Start(count_in_bars=2, thru=True).flags() == ["--bpm=120", "--beats-per-bar=4", "--count-in=2", "--thru"]
    assert "--sync" in Start(leader="sync").flags()


@pytest.mark.parametrize(
    "asked",
    [{"melody": "--log=/etc/passwd"}, {"band": "a\nb"}, {"melody": "x" * 201}, {"leader": "me"}, {"bpm": 5},
     {"log": "x"}, {"split": "--help"}, {"count_in_bars": 99}],
)  # fmt: skip
def test_what_is_no_port_or_number_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(asked, Start)


def test_one_that_fails_says_why(tmp_path: Path) -> None:
    band = band_at(tmp_path, SAYS_NO)
    assert band.standing() == {"started": False, "exit_code": None, "said": ""}
    band.start(Start(), Path("m.onnx"))
    assert band._process is not None
    band._process.wait()
    assert band.standing() == {"started": True, "exit_code": 1, "said": "there is no port 'Keys'"}
    band.start(Start(), Path("m.onnx"))  # and may be started again
    band._process.wait()


def test_there_is_one_and_it_is_ended(tmp_path: Path) -> None:
    band = band_at(tmp_path)
    band.start(Start(), Path("m.onnx"))
    with pytest.raises(ConsoleError, match="plays already"):
        band.start(Start(), Path("m.onnx"))
    process = band._process
    assert process is not None
    assert band.is_ours(process.pid)
    asyncio.run(band.stop())
    assert process.poll() is not None
    assert band.standing() == {"started": False, "exit_code": None, "said": ""}
    assert not (tmp_path / "band.json").exists()
    asyncio.run(band.stop())


def test_one_that_does_not_end_when_told_is_killed(tmp_path: Path) -> None:
    slept_s: list[float] = []

    async def sleep(seconds: float) -> None:
        slept_s.append(seconds)

    ready = tmp_path / "ready"
    os.mkfifo(ready)
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(ready)!r}, 'w').close()"
    band = band_at(tmp_path, f"{deaf}; {ENDS_WHEN_TOLD}", sleep)
    band.start(Start(), Path("m.onnx"))
    process = band._process
    assert process is not None
    ready.read_text(encoding="utf-8")  # waits until it is deaf
    asyncio.run(band.stop())
    assert process.poll() == -signal.SIGKILL
    assert sum(slept_s) == pytest.approx(END_S)


def test_a_number_of_a_process_that_is_somebody_elses_is_never_ended(tmp_path: Path) -> None:
    band = band_at(tmp_path)
    band.start(Start(), Path("m.onnx"))
    process = band._process
    assert process is not None
    other = band_at(tmp_path)  # a console that comes later: that process does not answer on the band's socket
    assert not other.is_ours(process.pid)
    asyncio.run(other.stop())
    assert process.poll() is None
    asyncio.run(band.stop())


def test_logs_of_many_evenings_ago_go(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    for i in range(KEPT_LOGS + 5):
        (tmp_path / f"logs/2025-01-{i:02}.jsonl").touch()
    band = band_at(tmp_path, SAYS_NO)
    band.start(Start(), Path("m.onnx"))
    assert band._process is not None
    band._process.wait()
    assert len(list((tmp_path / "logs").iterdir())) == KEPT_LOGS - 1  # and the one that serve is about to write


def test_its_socket_is_beside_the_usual_one_and_its_own(tmp_path: Path) -> None:
    one, other = band_at(tmp_path / "a").address, band_at(tmp_path / ("b" * 200)).address
    assert one != other != usual_address()
    assert one.path is not None
    assert one.path.parent == getattr(usual_address().path, "parent", None)


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        band_at(tmp_path / "file").start(Start(), Path("m.onnx"))
