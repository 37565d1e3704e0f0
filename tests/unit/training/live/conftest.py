from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks as small as these gain nothing by a second thread, and wait long for one on a busy machine."""
    torch = pytest.importorskip("torch", reason="needs the train extra: pip install -e '.[train]'")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
