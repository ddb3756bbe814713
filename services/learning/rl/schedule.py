"""A number that changes while a job goes on.

Interface:
    Schedule        `at` a share of the job
"""

from __future__ import annotations

from pydantic import Field

from ..training.settings import Part


class Schedule(Part):
    """Linear from `first` to `last` over a share of the job, then constant."""

    first: float = Field(ge=0, le=1)
    last: float = Field(ge=0, le=1)
    share: float = Field(default=1.0, gt=0, le=1)

    def at(self, progress: float) -> float:
        """Return the value where `progress` (0 to 1) of the job is done."""
        return self.first + (self.last - self.first) * min(progress / self.share, 1.0)
