"""What TensorBoard is told: the same as the record."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
event_accumulator = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator",
    reason="needs the tensorboard extra: pip install -e '.[tensorboard]'",
)

import msgspec  # noqa: E402
from support.runs import TINY, begin, lines, train  # noqa: E402

from training import plot  # noqa: E402


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own
def test_a_run_is_seen_in_tensorboard_resumed_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot, "draw", lambda _record, path: path.write_bytes(b"plot"))
    run = begin(tmp_path, msgspec.structs.replace(TINY, epochs=2, sample_every=2, tensorboard=True))
    assert not train(run, stop_after=1)
    assert train(run)
    board = event_accumulator.EventAccumulator(str(run.path / "tensorboard"), size_guidance={"images": 0, "audio": 0})
    board.Reload()
    steps, epochs = lines(run, "step"), lines(run, "epoch")
    assert [(event.step, event.value) for event in board.Scalars("steps/critic")] == [
        (line["step"], pytest.approx(line["critic"], rel=1e-6)) for line in steps
    ]
    for name in ("metrics", "data"):
        assert [(event.step, event.value) for event in board.Scalars(f"{name}/similarity_index")] == [
            (line["step"], pytest.approx(line[name]["similarity_index"], rel=1e-6)) for line in epochs
        ]
    (roll,), (sound,) = board.Tags()["images"], board.Tags()["audio"]
    assert [event.step for event in board.Images(roll)] == [event.step for event in board.Audio(sound)] == [0, 3]
    assert board.Images(roll)[0].width == 1600
    assert board.Audio(sound)[0].sample_rate == 48_000
