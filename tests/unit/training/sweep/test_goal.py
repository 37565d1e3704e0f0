from __future__ import annotations

import pytest

from accompanist.errors import ConfigError
from training.sweep.goal import aim_of, told, value_of

METRICS = {"coupling": 0.1, "empty_bars": 0.5, "alone": 1.0}
MUSIC = {"coupling": 0.4, "empty_bars": 0.2}


def test_more_of_coupling_and_the_music_s_own_of_the_rest() -> None:
    assert (aim_of("coupling"), value_of("coupling", METRICS, MUSIC)) == ("most", 0.1)
    assert (aim_of("empty_bars"), value_of("empty_bars", METRICS, MUSIC)) == ("near", pytest.approx(0.3))
    assert aim_of("similarity_index") == "least"
    assert told("empty_bars") == "empty_bars nearest to the music's own"


@pytest.mark.parametrize("name", ["coupled", "alone"])
def test_what_cannot_be_judged_is_told(name: str) -> None:
    with pytest.raises(ConfigError, match="accepted: alone, coupling, empty_bars"):
        value_of(name, METRICS, MUSIC)
