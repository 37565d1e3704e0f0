"""One update of each network of the classic recipe, in each precision."""

from __future__ import annotations

import msgspec
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")

from support.runs import TINY  # noqa: E402

from training.step import ClassicStep  # noqa: E402


def test_bfloat16_computes_nearly_the_same_and_weights_stay_float32() -> None:
    told = {}
    for precision in ("auto", "float32", "bf16"):
        step = ClassicStep(msgspec.structs.replace(TINY, precision=precision), 3, torch.device("cpu"))
        draws = torch.Generator().manual_seed(0)
        melody, real = (torch.randn(4, channels, 32, 128, generator=draws).sign() for channels in (2, 6))
        told[precision] = torch.cat([step.critic_update(melody, real, 1), step.generator_update(melody, 2)])
        assert {value.dtype for value in step.generator.parameters()} == {torch.float32}
        assert told[precision].dtype == torch.float32
    assert torch.equal(told["auto"], told["float32"])  # on a CPU
    assert not torch.equal(told["bf16"], told["float32"])
    torch.testing.assert_close(told["bf16"][:3], told["float32"][:3], rtol=0.05, atol=0.02)
