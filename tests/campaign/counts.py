"""What a row of the fault matrix came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Counts:
    """Of `tried` repetitions `good` met the figure; `notes` count what happened besides."""

    row: str
    seed: int
    tried: int = 0
    good: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    worst: dict[str, float] = field(default_factory=dict)

    def judge(self, *, good: bool, why: str = "missed") -> None:
        """Count one repetition."""
        self.tried += 1
        self.good += good
        if not good:
            self.notes[why] += 1

    def most(self, name: str, value: float) -> None:
        """Keep the largest of a figure."""
        self.worst[name] = max(value, self.worst.get(name, value))

    @property
    def failed(self) -> int:
        """Return how many did not meet the figure."""
        return self.tried - self.good
