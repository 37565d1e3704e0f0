"""How many lessons the critic gets for each one of the generator, where that follows their losses.

Whoever's loss changes faster has more to learn (Ouyang and Agam, Accelerated WGAN Update Strategy With Loss Change Rate
Balancing, WACV 2021). They choose who is taught next; here a step always teaches the generator once, and the critic
once more or once less often than in the step before.
"""

from __future__ import annotations

import torch
from torch import Tensor

NAME = "ratio"
"""Of its file in a checkpoint."""


class Balance:
    """The ratio, as it stands.

    Args:
        most: Critic updates per generator update, at most; it begins with these.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.updates = most
        self._before: tuple[float, float] | None = None

    def tell(self, critic: float, generator: float) -> None:
        """Tell the losses of a step, on which the next one's ratio depends.

        Args:
            critic: Mean over its updates.
            generator: Of its one update.
        """
        if self._before is not None:
            changes = [_change(then, now) for then, now in zip(self._before, (critic, generator), strict=True)]
            step = 1 if changes[0] > changes[1] else -1
            self.updates = min(max(self.updates + step, 1), self.most)
        self._before = (critic, generator)

    def tensors(self) -> dict[str, Tensor]:
        """Where it stands, for a checkpoint."""
        known = torch.tensor(self._before or (), dtype=torch.float64)
        return {"updates": torch.tensor(self.updates), "losses": known}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go back to what `tensors` gave."""
        self.updates = int(tensors["updates"])
        losses = tensors["losses"].tolist()
        self._before = (losses[0], losses[1]) if losses else None


def _change(before: float, now: float) -> float:
    """How much a loss moved beside its size; of one that was 0 its whole size counts."""
    return abs(now - before) / (abs(before) or 1.0)
