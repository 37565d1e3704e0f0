"""What a performance log begins with."""

from __future__ import annotations

from accompanist.runtime.log_records import Header

HEADER = Header(
    program="0.1", started="2026-01-01T20:00:00+00:00", model="m.onnx", kind="live", trained="", tracks=("bass",),
    provider="cpu", inference_s=0.01, system="JACK", melody_port="Keys", clock_port=None, band_ports=("DAW",),
    follows_clock=False, bpm=120, beats_per_bar=4, ticks_per_beat=480, seed=0,
)  # fmt: skip
