from __future__ import annotations

import os

import pytest

from accompanist.runtime.quiet import quiet_stderr


def test_what_c_code_prints_is_not_seen_and_afterwards_all_is(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_stderr():
        os.write(2, b"ALSA lib seq_hw.c:466\n")
    os.write(2, b"error: ours\n")
    assert capfd.readouterr().err == "error: ours\n"


def test_it_comes_back_after_an_exception(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError), quiet_stderr():
        raise RuntimeError
    os.write(2, b"seen\n")
    assert capfd.readouterr().err == "seen\n"
