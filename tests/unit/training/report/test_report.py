"""The page of a run: everything in one file, whatever state the run is in."""

from __future__ import annotations

import base64
import json
import re
import wave
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
soundfile = pytest.importorskip("soundfile", reason="needs the train extra: pip install -e '.[train]'")

import msgspec  # noqa: E402
from support.runs import TINY, begin, train  # noqa: E402

from accompanist.runs import History, RunFolder, SampledEpoch  # noqa: E402
from training import plot, samples  # noqa: E402
from training.report import curves, page, sound  # noqa: E402
from training.report.listening import chosen  # noqa: E402


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are tested where they are made; sound here is a fifth of a second."""
    monkeypatch.setattr(samples, "render_wav", lambda _song, path: write_wav(path, 0.2))
    monkeypatch.setattr(samples, "draw_roll", lambda _tracks, path, **_: path.write_bytes(b"picture"))
    monkeypatch.setattr(plot, "draw", lambda _record, path: path.write_bytes(b"plot"))


def write_wav(path: Path, length_s: float, frequency_hz: float = 440.0) -> None:
    t = np.arange(round(length_s * 48_000)) / 48_000
    tone = (0.5 * np.sin(2 * np.pi * frequency_hz * t) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(np.repeat(tone, 2).tobytes())


@pytest.fixture
def trained(tmp_path: Path) -> RunFolder:
    run = begin(tmp_path, msgspec.structs.replace(TINY, stop=("epochs:2",)))
    train(run)
    return RunFolder.open(run.path)


def test_the_page_holds_everything_and_asks_for_nothing(trained: RunFolder) -> None:
    path = page.write(trained)
    text = path.read_text(encoding="utf-8")
    assert path == trained.path / "report.html"
    assert not re.findall(r"""<(?:script|link|img|audio|iframe)[^>]*(?:src|href)=["'](?!data:)""", text)
    assert "@import" not in text
    titles = re.findall(r"<figcaption>\s*<b>(.*?)</b>", text)
    assert titles == ["epoch 0", "epoch 1", "epoch 2", "people"]
    assert text.count("data:image/png;base64," + base64.b64encode(b"picture").decode()) == 4
    tones = [base64.b64decode(found) for found in re.findall(r"data:audio/mpeg;base64,([^\"]+)", text)]
    assert len(tones) == 4
    assert soundfile.info(BytesIO(tones[0])).samplerate == sound.RATE_HZ
    told = json.loads(re.findall(r'<script id="curves" type="application/json">(.*?)</script>', text, re.DOTALL)[0])
    assert told["metrics"][0]["title"] == "similarity index"
    newest = History(trained.record).epochs[-1]["metrics"]["similarity_index"]
    assert told["metrics"][0]["lines"][0]["points"][-1] == [2, pytest.approx(newest, rel=1e-4)]
    assert "Too early to tell by the similarity index" in text
    assert "ended by --stop epochs:2" in text
    assert "Critic updates in a step: 2 at every step." in text
    assert re.search(r'class="own"><th scope="row">width</th><td>4</td>', text)
    assert "12 windows of 4 songs" in text


def test_a_run_that_has_not_begun_has_a_page_too(tmp_path: Path) -> None:
    run = begin(tmp_path / "runs")
    text = page.write(run, tmp_path / "elsewhere" / "page.html").read_text(encoding="utf-8")
    assert "Nothing is recorded yet." in text
    assert "No epoch was sampled yet." in text
    assert not (run.path / "report.html").exists()


def test_names_from_outside_cannot_break_the_page(tmp_path: Path) -> None:
    run = begin(tmp_path)
    facts = run.path / "data.json"
    facts.write_text(facts.read_text().replace('"chorales"', '"</script><script>alert(1)</script>"'))
    assert "<script>alert(1)" not in page.render(run)


def test_a_damaged_sound_is_left_out(trained: RunFolder) -> None:
    for file in (trained.samples / "epoch-0001").glob("*.wav"):
        file.write_bytes(b"no sound")
    assert page.render(trained).count("data:audio/mpeg") == 3


def test_sound_is_made_small_and_stays_itself(tmp_path: Path) -> None:
    write_wav(tmp_path / "tone.wav", 2.0)
    packed = sound.as_mp3(tmp_path / "tone.wav")
    assert len(packed) < (tmp_path / "tone.wav").stat().st_size / 20
    heard, rate_hz = soundfile.read(BytesIO(packed))
    assert heard.ndim == 1
    middle = heard[rate_hz // 2 : rate_hz // 2 * 3]
    assert np.abs(np.fft.rfft(middle)).argmax() == pytest.approx(440, abs=1)  # of a second: bins are Hz
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.05)


def test_what_would_fold_back_is_taken_out() -> None:
    t = np.arange(48_000) / 48_000
    low, high = (np.sin(2 * np.pi * hz * t).astype(np.float32) for hz in (2_000, 20_000))
    assert np.abs(sound.halved(low)[1000:-1000]).max() > 0.97
    assert np.abs(sound.halved(high)[1000:-1000]).max() < 0.01


@pytest.mark.parametrize(("count", "best"), [(3, 2), (24, 5), (25, 7), (300, 123), (300, None)])
def test_of_many_epochs_the_first_the_last_and_the_best_are_shown(count: int, best: int | None) -> None:
    sampled = [SampledEpoch(number, Path(f"epoch-{number:04d}")) for number in range(count)]
    shown = [each.epoch for each in chosen(sampled, best)]
    assert shown == sorted(set(shown))
    assert len(shown) == min(count, 24) or (len(shown) == 23 and best in (None, *shown))
    assert {0, count - 1, best if best is not None else 0} <= set(shown)


def test_a_curve_keeps_its_spikes_and_few_points(tmp_path: Path) -> None:
    record = tmp_path / "metrics.jsonl"
    values = np.sin(np.arange(20_000) / 900)
    values[12_345] = -9.0
    record.write_text(
        "".join(
            json.dumps({"kind": "step", "step": i + 1, "epoch": i / 100, "loss": value, "rate": 0.5}) + "\n"
            for i, value in enumerate(values.tolist())
        )
    )
    history = History(record)
    (chart,) = curves.losses(history)
    raw, smooth = chart["lines"]
    assert len(raw["points"]) <= curves.POINTS
    assert min(y for _, y in raw["points"]) == -9.0
    assert len(smooth["points"]) == curves.SMOOTH_BLOCKS
    assert max(abs(y - np.sin(x * 100 / 900)) for x, y in smooth["points"]) < 0.08
    assert chart["low"] > -2  # a rare spike does not flatten all the rest
    assert curves.constants(history) == [("learning rate", 0.5)]
