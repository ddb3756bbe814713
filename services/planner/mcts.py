"""Monte-Carlo tree search over action sequences.

UCT (Kocsis and Szepesvári 2006) with the model as prior, in the form of AlphaZero (Silver et al.
2017): of a node's children that one is followed for which

    Q + c · P · √(visits of the node) / (1 + visits of the child)

is largest. P is the child's share of its siblings' length-normalised likelihoods, Q the mean value
of the lines that went through it. A line's value is exp(score), its tokens' probability in the
geometric mean: between 0 and 1. Nothing is learned, and no game is won: the value is the model's
own opinion of a whole line, seen further ahead than a step.

Interface:
    TreeSearch      a strategy
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .contract import Aim, Choice, Mind
from .line import Line
from .strategies import best, grown

#: How much what was seldom looked at draws (c above), and ways in which a node goes on.
CURIOSITY, BRANCHES = 1.0, 3


@dataclass(slots=True, eq=False)
class Node:
    """A line in the tree; the search alone writes it."""

    line: Line
    prior: float = 1.0
    visits: int = 0
    value: float = 0.0
    children: list[Node] | None = None
    ends: list[Line] = field(default_factory=list)

    def follow(self) -> Node:
        """Return the child that draws most."""
        assert self.children
        reach = CURIOSITY * math.sqrt(self.visits)
        return max(self.children, key=lambda one: one.mean + reach * one.prior / (1 + one.visits))

    @property
    def mean(self) -> float:
        """The mean value of what was found behind it."""
        return self.value / self.visits if self.visits else 0.0


class TreeSearch:
    """Looks ahead along the most promising beginnings (Monte-Carlo tree search)."""

    async def plan(self, mind: Mind, aim: Aim) -> Choice:
        """As `Strategy.plan`: as many looks ahead as candidates are wanted, and one for each of
        the first replies."""
        root = Node(line=mind.root)
        await self._open(mind, root, aim.candidates)
        for _ in range(aim.candidates + len(root.children or ())):
            await self._look(mind, root, aim)
        # What was thought to its end at once and step by step is one candidate.
        found = {line.key: line for node in root.children or () for line in node.ends}
        lines = sorted(found.values(), key=lambda line: line.rank, reverse=True)[: aim.candidates]
        return Choice(candidates=lines, chosen=best(lines))

    async def _look(self, mind: Mind, root: Node, aim: Aim) -> None:
        """Go down the tree, open what is new there, think it to its end, and tell all above."""
        path = [root]
        while path[-1].children:
            path.append(path[-1].follow())
        leaf = path[-1]
        if leaf.visits and leaf.line.going and len(leaf.line.replies) < aim.depth:
            await self._open(mind, leaf, BRANCHES)
            if leaf.children:
                leaf = leaf.follow()
                path.append(leaf)
        end = leaf.ends[0] if leaf.ends else await grown(mind, leaf.line, aim.depth)
        value = math.exp(end.rank[0])
        for node in path:
            node.visits += 1
            node.value += value
            if end not in node.ends:
                node.ends.append(end)

    @staticmethod
    async def _open(mind: Mind, node: Node, count: int) -> None:
        lines = await mind.expand(node.line, count)
        weights = [math.exp(line.rank[0]) * line.count for line in lines]
        node.children = [
            Node(line=line, prior=weight / sum(weights))
            for line, weight in zip(lines, weights, strict=True)
        ]
