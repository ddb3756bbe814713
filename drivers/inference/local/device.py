"""The local device: conversations in, text out, over the paged engine.

Interface:
    LocalDevice     implements `Engine`
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

from ....syscalls.errors import DeviceError, InvalidArgument, LLMAgentOSError
from ....syscalls.model import ModelInfo
from ..contract import Delta, Request
from . import pool
from .engine import PagedEngine
from .loader import Loaded, load
from .pager import Pager
from .probe import PAGES, Probe
from .runner import Runner
from .sampler import Sampler
from .sequence import Sequence
from .template import Template

#: Contexts at once, and tokens of a page.
CONTEXTS, PAGE = 64, 16


class LocalDevice:
    """A model on this machine. Its engine's thread never waits for the event loop."""

    slots = CONTEXTS

    def __init__(self, target: str, loaded: Loaded, tokens: int | None = None) -> None:
        """Prove that the engine gives the model's logits, and make room for `tokens` in total.

        Blocking; the device serves once it is started. Raises `InvalidArgument` for a model or a
        number that it cannot serve.
        """
        self._target = target
        self._name = loaded.name
        self._tokenizer = loaded.tokenizer
        self._template = Template(loaded.tokenizer)
        self._parameters = sum(p.numel() for p in loaded.model.parameters())
        self._vocabulary = loaded.model.get_input_embeddings().num_embeddings
        self._ends = _ends(loaded)
        probe = Probe(loaded.model)
        runner = Runner(loaded.model, pages=PAGES, page_size=PAGE, contexts=CONTEXTS)
        probe.check(runner)
        tokens = pool.size(tokens, runner.memory.bytes_per_token, pool.available())
        runner.memory.resize(tokens // PAGE)
        pager = Pager(tokens // PAGE, PAGE)
        longest = getattr(loaded.config, "max_position_embeddings", None) or pager.capacity
        self._context = min(int(longest), pager.capacity)
        self._engine = PagedEngine(runner, pager, contexts=CONTEXTS)

    @classmethod
    async def load(
        cls, target: str, source: str, threads: int | None = None, tokens: int | None = None
    ) -> LocalDevice:
        """Load a model aside from the event loop and start it.

        Raises `NotFound`, `InvalidArgument` or `DeviceError`, whatever is wrong with the model.
        """

        def work() -> LocalDevice:
            import torch

            try:
                if threads is not None:
                    torch.set_num_threads(threads)
                return cls(target, load(source), tokens)
            except LLMAgentOSError:
                raise
            except Exception as error:  # a stranger's model may fail in any way
                reason = f"{type(error).__name__}: {error}"
                raise InvalidArgument(f"the model {source} cannot be run: {reason}") from error

        device = await asyncio.to_thread(work)
        device._engine.start()
        return device

    def info(self) -> ModelInfo:
        return ModelInfo(
            target=self._target,
            name=self._name,
            active=True,
            device="local",
            state="ready",
            parameters=self._parameters,
            context=self._context,
        )

    async def chat(self, request: Request) -> AsyncGenerator[Delta, None]:
        prompt = await asyncio.to_thread(self._template.tokens, request.messages, request.tools)
        self._check(prompt)
        loop = asyncio.get_running_loop()
        deltas: asyncio.Queue[Delta | BaseException] = asyncio.Queue()

        def tell(one: Delta | BaseException) -> None:
            with suppress(RuntimeError):  # the loop has ended, and with it whoever waits
                loop.call_soon_threadsafe(deltas.put_nowait, one)

        sequence = Sequence(
            prompt=prompt,
            limit=min(request.max_tokens, self._context - len(prompt)),
            sampler=Sampler(
                temperature=request.temperature,
                top_p=request.top_p,
                top_k=request.top_k,
                seed=request.seed,
            ),
            decode=self._decode,
            emit=tell,
            fail=tell,
            ends=self._ends,
            stop=request.stop,
            tools=bool(request.tools),
            logprobs=request.logprobs,
            meter=request.meter,
        )
        self._engine.submit(sequence)
        try:
            while True:
                delta = await deltas.get()
                if isinstance(delta, LLMAgentOSError):
                    raise delta
                if isinstance(delta, BaseException):
                    raise DeviceError(f"the model failed: {delta}") from delta
                yield delta
                if delta.finish is not None:
                    return
        finally:
            self._engine.cancel(sequence)

    async def close(self) -> None:
        await asyncio.to_thread(self._engine.close)

    def _check(self, prompt: list[int]) -> None:
        if not 0 < len(prompt) < self._context:
            raise InvalidArgument(
                f"the conversation has {len(prompt)} tokens; the model's context {self._context}"
            )
        if max(prompt) >= self._vocabulary:
            raise InvalidArgument(f"the tokenizer gives token {max(prompt)}, which the model lacks")

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


def _ends(loaded: Loaded) -> frozenset[int]:
    """Return the tokens that end a reply."""
    said: Any = getattr(loaded.model.generation_config, "eos_token_id", None)
    ends = {said} if isinstance(said, int) else set(said or ())
    if loaded.tokenizer.eos_token_id is not None:
        ends.add(loaded.tokenizer.eos_token_id)
    return frozenset(ends)
