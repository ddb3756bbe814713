"""Tiny untrained models, and sequences without a device around them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import CONFIG_MAPPING, AutoModelForCausalLM
from transformers.utils import logging

from llmagentos.drivers.inference.contract import Delta, Meter, Owner, Sampling
from llmagentos.drivers.inference.local.context import Context
from llmagentos.drivers.inference.local.memory import Memory
from llmagentos.drivers.inference.local.plan import Span
from llmagentos.drivers.inference.local.sampler import Sampler
from llmagentos.drivers.inference.local.sequence import Sequence

VOCABULARY = 259
TINY = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": 2,
}
Build = Callable[..., Any]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()


@pytest.fixture(scope="session")
def build() -> Build:
    """Make a tiny model of a kind; its weights are wide enough for every feature to show."""

    def make(kind: str, **changes: Any) -> Any:
        torch.manual_seed(0)
        config = CONFIG_MAPPING[kind](**{**TINY, **changes})
        model = AutoModelForCausalLM.from_config(config).float().train(False)
        for weight in model.parameters():
            if weight.dim() > 1:
                torch.nn.init.normal_(weight, std=0.15)
        return model

    return make


@pytest.fixture(scope="session")
def folder(build: Build, tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama as people keep it on their disks."""
    path = tmp_path_factory.mktemp("models") / "tiny-llama"
    build("llama").save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


class Reader:
    """Gathers what a call says; `done` once it has ended."""

    def __init__(self) -> None:
        self.deltas: list[Delta] = []
        self.errors: list[BaseException] = []
        #: What a call that only reads has come to.
        self.outcome: Any = None
        self.meter = Meter()
        self._done = threading.Event()

    def emit(self, delta: Delta) -> None:
        self.deltas.append(delta)
        if delta.finish is not None:
            self._done.set()

    def end(self, outcome: Any) -> None:
        self.outcome = outcome
        self._done.set()

    def fail(self, error: BaseException) -> None:
        self.errors.append(error)
        self._done.set()

    def done(self) -> bool:
        return self._done.wait(60)

    @property
    def text(self) -> str:
        return "".join(delta.text for delta in self.deltas)


Made = tuple[Sequence, Reader]


@pytest.fixture
def sequence() -> Callable[..., Made]:
    """Make a sequence whose tokens are characters, greedy unless told otherwise, on a context that
    it brings itself or on one that is given."""

    def make(
        prompt: list[int],
        limit: int = 8,
        *,
        pid: int = 1,
        rank: tuple[float, ...] = (),
        number: int = 0,
        context: Context | None = None,
        **fields: Any,
    ) -> Made:
        reader = Reader()
        context = context or Context(pid, "alice", [])
        context.tokens += prompt
        fields.setdefault("sampler", Sampler(Sampling(), prompt))
        fields.setdefault("decode", lambda tokens: "".join(map(chr, tokens)))
        return Sequence(
            context,
            limit=limit,
            emit=reader.emit,
            fail=reader.fail,
            owner=Owner(pid=context.pid, principal=context.principal, call=number, rank=rank),
            meter=reader.meter,
            brings=len(prompt),
            **fields,
        ), reader

    return make


class Counting:
    """A runner without a model: after each token comes the next number, up to `most`."""

    def __init__(self, most: int = 1000) -> None:
        self.memory = Memory(pages=0, page_size=16)
        self.most = most
        self.steps: list[list[Span]] = []
        self.wiped: list[int] = []
        self.memory.wipe = self.wiped.extend  # type: ignore[method-assign]
        #: Called before each step, on the engine's thread.
        self.before: Callable[[int], None] = lambda number: None

    def step(self, spans: list[Span], tokens: list[int], keep: Tensor | None = None) -> Tensor:
        self.before(len(self.steps))
        self.steps.append(spans)
        assert len(tokens) == sum(span.count for span in spans)
        assert [span.order for span in spans] == sorted(span.order for span in spans)
        for span in spans:
            assert len(span.table.pages) * 16 >= span.length
        if keep is None:
            keep = torch.tensor([span.count for span in spans]).cumsum(0) - 1
        logits = torch.zeros(len(keep), self.most)
        for row, at in enumerate(keep.tolist()):
            logits[row, (tokens[at] + 1) % self.most] = 1.0
        return logits


@pytest.fixture
def counting() -> Counting:
    return Counting()
