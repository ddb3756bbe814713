"""Strategies over a tree that is known whole."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence

from llmagentos.services.planner.contract import Aim, Choice, Strategy
from llmagentos.services.planner.line import Ask, Line, Outcome, Reply
from llmagentos.services.planner.mcts import TreeSearch
from llmagentos.services.planner.strategies import Beam, BestOfK, Sampled

#: A reply's chance by the path to it, one letter each; capitals are answers. What begins best ends
#: badly, and the best of all begins second and goes on with what is second there.
TREE = {
    "a": 0.6, "b": 0.39, "c": 0.01,
    "ad": 0.3, "aE": 0.1,
    "adF": 0.04,
    "bg": 0.5, "bh": 0.49,
    "bgI": 0.05, "bhJ": 0.99,
    "cK": 0.5,
}  # fmt: skip


class Known:
    """A mind to which nothing comes but the tree's branches."""

    def __init__(self) -> None:
        self.root = Line()
        self.dropped: list[Line] = []

    async def expand(self, line: Line, count: int = 1) -> list[Line]:
        path = "".join(reply.content for reply in line.replies)
        found = [one for one in TREE if one[:-1] == path]
        found.sort(key=lambda one: -TREE[one])
        return [self._longer(line, one) for one in found[:count]]

    async def drop(self, lines: Sequence[Line]) -> None:
        self.dropped += lines

    def _longer(self, line: Line, path: str) -> Line:
        letter = path[-1]
        ask = Ask(id="1", tool=letter, arguments={}, expected=Outcome(text="ok"))
        asks = () if letter.isupper() else (ask,)
        said = Reply(content=letter, asks=asks, logprob=math.log(TREE[path]), tokens=1)
        return Line(replies=(*line.replies, said), answered=not asks, going=bool(asks))


def choose(strategy: Strategy, candidates: int = 3, depth: int = 5, seed: int = 0) -> Choice:
    aim = Aim(candidates=candidates, depth=depth, seed=seed)
    return asyncio.run(strategy.plan(Known(), aim))


def chosen(choice: Choice) -> str:
    return "".join(reply.content for reply in choice.candidates[choice.chosen].replies)


def test_best_of_k_takes_the_beginning_whose_greedy_end_is_likeliest() -> None:
    assert chosen(choose(BestOfK())) == "bgI"
    assert chosen(choose(BestOfK(), candidates=1)) == "adF"


def test_beam_and_tree_search_find_what_greedy_ends_miss() -> None:
    assert chosen(choose(Beam(), candidates=4)) == "bhJ"
    assert chosen(choose(TreeSearch(), candidates=8)) == "bhJ"


def test_beam_gives_back_what_it_does_not_go_on_with() -> None:
    known = Known()
    choice = asyncio.run(Beam().plan(known, Aim(candidates=2, depth=5, seed=0)))
    assert known.dropped and not set(known.dropped) & set(choice.candidates)


def test_no_candidate_is_longer_than_was_asked_for() -> None:
    for strategy in (BestOfK(), Beam(), TreeSearch(), Sampled()):
        choice = choose(strategy, depth=2)
        assert {len(line.replies) for line in choice.candidates} <= {1, 2}
        assert 0 <= choice.chosen < len(choice.candidates) <= 3


def test_sampled_takes_the_likelier_more_often_and_each_seed_the_same() -> None:
    taken = Counter(chosen(choose(Sampled(), seed=seed)) for seed in range(200))
    assert taken["bgI"] > taken["adF"] > 0
    assert chosen(choose(Sampled(), seed=3)) == chosen(choose(Sampled(), seed=3))


def test_tree_search_gives_different_candidates_the_best_first() -> None:
    lines = choose(TreeSearch(), candidates=8).candidates
    assert len({line.key for line in lines}) == len(lines) > 1
    assert [line.rank for line in lines] == sorted((line.rank for line in lines), reverse=True)
