"""How often a model is asked, and how long the band listens before it plays."""

from __future__ import annotations

from accompanist.config import EngineConfig
from accompanist.errors import ConfigError
from accompanist.music.spec import ModelSpec
from accompanist.music.time import PPQ, STEPS_PER_BEAT, TICKS_PER_STEP


def replan_steps(spec: ModelSpec, settings: EngineConfig) -> int:
    """Sixteenths from one plan's beginning to the next one's.

    Where the settings leave it to the model: a beat for one that anticipates, so that it hears what was played since;
    a whole plan for one that answers for the window it was given.

    Raises:
        ConfigError: they are more than a plan has, so that there would be nothing to play in between.
    """
    if settings.replan_steps > spec.plan_steps:
        raise ConfigError(
            f"engine.replan_steps is {settings.replan_steps}, but the model plans only {spec.plan_steps} sixteenths; "
            f"accepted: 1 to {spec.plan_steps}, or 0 to leave it to the model",
            hint="see every setting with: accompanist config explain",
        )
    if settings.replan_steps:
        return settings.replan_steps
    return min(STEPS_PER_BEAT, spec.plan_steps) if spec.lag_steps == 0 else spec.plan_steps


def listen_ticks(spec: ModelSpec, settings: EngineConfig, *, begins: bool = True) -> int:
    """How long the band only listens, from a bar line on, before it plays.

    A model with codes knows what it was not told: for one a bar is enough. Any other needs its whole window.

    Args:
        spec: The model.
        settings: Beats per bar and `listen_bars`.
        begins: The song begins; otherwise it jumped to where nobody has been.
    """
    bar_ticks = settings.beats_per_bar * PPQ
    least_ticks = bar_ticks if spec.codes else spec.context_steps * TICKS_PER_STEP
    return max(least_ticks, settings.listen_bars * bar_ticks if begins else 0)
