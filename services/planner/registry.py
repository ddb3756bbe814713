"""The strategies that there are, from the entry-point group `llmagentos.strategies`.

Interface:
    Registry        `names` with what each does, `make`
"""

from __future__ import annotations

import inspect
import sys
from importlib.metadata import EntryPoint, entry_points

from ...syscalls.errors import NotFound
from .contract import Strategy

GROUP = "llmagentos.strategies"


class Registry:
    """Strategies by name, loaded when they are asked for; where two share one, ours stands."""

    def __init__(self) -> None:
        self._points: dict[str, EntryPoint] = {}
        for point in entry_points(group=GROUP):
            ours = point.dist is not None and point.dist.name == "llmagentos"
            if ours or point.name not in self._points:
                self._points[point.name] = point

    def make(self, name: str) -> Strategy:
        """Return a strategy. Raises `NotFound` naming those that there are."""
        point = self._points.get(name)
        if point is None:
            raise NotFound(f"there is no strategy {name!r}; there is {', '.join(self._points)}")
        try:
            strategy: Strategy = point.load()()
        except (Exception, SystemExit) as error:  # a stranger's module may raise anything
            raise NotFound(f"the strategy {name} cannot be loaded: {error}") from error
        return strategy

    def names(self) -> dict[str, str]:
        """Return each strategy's name with what it does; one that cannot be loaded is left out."""
        found = {}
        for name in sorted(self._points):
            try:
                found[name] = (inspect.getdoc(type(self.make(name))) or name).splitlines()[0]
            except NotFound as error:
                print(error.message, file=sys.stderr)
        return found
