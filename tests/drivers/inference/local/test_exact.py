"""Whatever happens to a context, its tokens and their probabilities are those of the model alone.

Contexts share beginnings, are read in small pieces, forked, suspended, re-ranked, swapped and
discarded, in a fourth of the pages that they need.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from llmagentos.drivers.inference.contract import Meter, Owner
from llmagentos.drivers.inference.local import schedule
from llmagentos.drivers.inference.local.context import Context
from llmagentos.drivers.inference.local.engine import PagedEngine
from llmagentos.drivers.inference.local.pager import Pager
from llmagentos.drivers.inference.local.reading import Scoring
from llmagentos.drivers.inference.local.runner import Runner

from .conftest import Reader
from .test_architectures import KINDS

SIZE, PAGES, PLACES, SLOTS, PIDS = 4, 34, 20, 4, 5
#: The largest difference of a token's log-probability, in nats.
TOLERANCE = 1e-4
FEW = ("llama", "qwen3", "lfm2 with 3 taps")


class Restless:
    """A runner between whose steps processes are suspended and calls are re-ranked."""

    def __init__(self, runner: Runner, seed: int) -> None:
        self._runner = runner
        self.memory = runner.memory
        self._dice = random.Random(seed)
        self._suspended: set[int] = set()
        self.engine: PagedEngine | None = None

    def step(self, *args: Any) -> Tensor:
        assert self.engine is not None
        what, pid = self._dice.randrange(6), self._dice.randrange(1, PIDS + 1)
        if what == 0:
            self.engine.rank(self._dice.randrange(30), (self._dice.random(),))
        elif what == 1 and len(self._suspended) < PIDS - 1:
            self._suspended.add(pid)
            self.engine.process(pid, "suspended", None)
        elif what == 2 or len(self._suspended) > 2:
            self.calm()
        return self._runner.step(*args)

    def calm(self) -> None:
        """Let all processes run."""
        assert self.engine is not None
        for pid in list(self._suspended):  # the engine suspends others meanwhile
            self.engine.process(pid, "running", None)
        self._suspended.clear()


class Play:
    """Contexts on an engine with a restless runner, beside a model that nobody touches."""

    def __init__(self, build: Callable[..., Any], kind: str, make: Callable[..., Any], seed: int):
        name, changes = kind.split()[0], KINDS[kind]
        self.model = build(name, **changes)
        # Between two suspensions of the only ones that are left, time has to pass for the engine.
        runner = Restless(
            Runner(build(name, **changes), pages=PAGES, page_size=SIZE, contexts=SLOTS), seed
        )
        self.engine = runner.engine = PagedEngine(
            runner,  # type: ignore[arg-type]
            Pager(PAGES, SIZE, PLACES),
            contexts=SLOTS,
            quota=1000,
        )
        self.runner = runner
        self._make = make
        self._number = 0
        self.engine.start()

    def reply(self, contexts: list[Context], pieces: list[list[int]], limit: int) -> None:
        """Let each context read a piece and write so many tokens; all at once."""
        made = []
        for context, piece in zip(contexts, pieces, strict=True):
            self._number += 1
            made.append(
                self._make(piece, limit, context=context, number=self._number, logprobs=0,
                           decode=lambda tokens: "")
            )  # fmt: skip
        for one, _ in made:
            self.engine.submit(one)
        self.wait([reader for _, reader in made])
        for one, reader in made:
            found = [p.logprob for delta in reader.deltas for p in delta.logprobs or ()]
            self.check(one.context.tokens, limit, found)

    def wait(self, readers: list[Reader]) -> None:
        for reader in readers:
            while not reader._done.wait(0.05):
                self.runner.calm()
            assert not reader.errors, reader.errors

    @torch.inference_mode()
    def wanted(self, tokens: list[int]) -> Tensor:
        logits = self.model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0]
        chances: Tensor = logits.float().log_softmax(-1)
        return chances

    def check(self, tokens: list[int], count: int, found: list[float]) -> None:
        """Compare the last tokens, which are the likeliest, and their log-probabilities."""
        assert len(found) == count
        chances = self.wanted(tokens)
        for at, logprob in zip(range(len(tokens) - count, len(tokens)), found, strict=True):
            right = chances[at - 1]
            assert abs(float(right[tokens[at]]) - logprob) < TOLERANCE
            assert float(right.max()) - logprob < TOLERANCE

    def score(self, context: Context, pieces: list[list[int]]) -> None:
        """Compare the log-probabilities of continuations, all at once on forks."""
        readers = [Reader() for _ in pieces]
        forks = self.engine.fork(context, len(pieces), cached=False)
        for fork, piece, reader in zip(forks, pieces, readers, strict=True):
            fork.tokens += piece
            self.engine.submit(
                Scoring(fork, done=reader.end, fail=reader.fail, owner=Owner(pid=context.pid),
                        meter=Meter(), brings=len(piece))
            )  # fmt: skip
        self.wait(readers)
        for piece, reader in zip(pieces, readers, strict=True):
            tokens, start = context.tokens + piece, len(context.tokens)
            chances = self.wanted(tokens)
            wanted = sum(float(chances[at - 1][tokens[at]]) for at in range(start, len(tokens)))
            assert abs(wanted - reader.outcome) < TOLERANCE * len(piece)


def play(
    kind: str,
    build: Callable[..., Any],
    sequence: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    monkeypatch.setattr(schedule, "STEP_TOKENS", 21)
    dice = random.Random(seed)

    def some(count: int) -> list[int]:
        return [dice.randrange(3, 250) for _ in range(count)]

    scene = Play(build, kind, sequence, seed)
    head, contexts = some(23), list[Context]()
    for number in range(8):
        name = "alice" if number % 3 else "bob"
        contexts.append(Context(number % PIDS + 1, name, [], stays=True))
        scene.engine.open(contexts[-1])
    prompts = [head[: dice.randrange(1, 24)] + some(dice.randrange(1, 20)) for _ in contexts]
    scene.reply(contexts, prompts, 7)
    forks = [child for one in contexts[:4] for child in scene.engine.fork(one, 2)]
    scene.reply(forks + contexts, [some(dice.randrange(1, 12)) for _ in forks + contexts], 5)
    for one in (*contexts[:2], *forks[:2]):
        scene.score(one, [some(dice.randrange(1, 9)) for _ in range(5)])
    for one in (*contexts, *forks):
        scene.engine.release(one)
    scene.engine.close()
    pages = scene.engine.pages(1)
    assert pages.free + pages.cached == PAGES
    assert all(holder.pid == 0 for holder in pages.holders)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", FEW)
def test_tokens_and_their_probabilities_are_the_models(
    kind: str,
    seed: int,
    build: Callable[..., Any],
    sequence: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    play(kind, build, sequence, monkeypatch, seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [one for one in KINDS if one not in FEW])
def test_those_of_every_kind_are(
    kind: str,
    build: Callable[..., Any],
    sequence: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    play(kind, build, sequence, monkeypatch, 9)
