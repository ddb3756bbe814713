"""The local device: conversations in, text out, over the paged engine.

Interface:
    LocalDevice     implements `Engine`
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from ....syscalls.errors import DeviceError, InvalidArgument
from ....syscalls.model import ModelInfo
from ..contract import Delta, Request
from .engine import PagedEngine
from .loader import Loaded, load
from .pager import Pager
from .runner import Runner
from .sampler import Sampler
from .sequence import Sequence

#: Contexts at once, tokens of a page, and tokens that the pages hold in total.
CONTEXTS, PAGE, TOKENS = 64, 16, 32_768


class LocalDevice:
    """A model on this machine. Its engine's thread never waits for the event loop."""

    slots = CONTEXTS

    def __init__(self, target: str, loaded: Loaded, *, tokens: int = TOKENS) -> None:
        self._target = target
        self._tokenizer = loaded.tokenizer
        self._name = loaded.name
        config = loaded.model.config
        self._context = min(int(config.max_position_embeddings), tokens)
        self._parameters = sum(p.numel() for p in loaded.model.parameters())
        self._ends = _ends(loaded)
        pages = -(-tokens // PAGE)
        runner = Runner(loaded.model, pages=pages, page_size=PAGE, contexts=CONTEXTS)
        self._engine = PagedEngine(runner, Pager(pages, PAGE), contexts=CONTEXTS)
        self._loop = asyncio.get_running_loop()
        self._open: dict[int, asyncio.Queue[Delta | BaseException]] = {}
        self._engine.start(self._fail)

    @classmethod
    async def load(cls, target: str, source: str, threads: int | None = None) -> LocalDevice:
        """Load a model aside from the event loop. Raises as `loader.load` does."""

        def work() -> Loaded:
            import torch

            if threads is not None:
                torch.set_num_threads(threads)
            return load(source)

        return cls(target, await asyncio.to_thread(work))

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

    async def chat(self, request: Request) -> AsyncIterator[Delta]:
        prompt = await asyncio.to_thread(self._prompt, request)
        room = self._context - len(prompt)
        if room < 1:
            raise InvalidArgument(
                f"the conversation has {len(prompt)} tokens; the model's context {self._context}"
            )
        deltas: asyncio.Queue[Delta | BaseException] = asyncio.Queue()

        def emit(delta: Delta) -> None:
            self._loop.call_soon_threadsafe(deltas.put_nowait, delta)

        sequence = Sequence(
            prompt=prompt,
            limit=min(request.max_tokens, room),
            sampler=Sampler(
                temperature=request.temperature,
                top_p=request.top_p,
                top_k=request.top_k,
                seed=request.seed,
            ),
            ends=self._ends,
            stop=request.stop,
            decode=self._decode,
            tools=bool(request.tools),
            emit=emit,
            logprobs=request.logprobs,
        )
        self._open[id(sequence)] = deltas
        self._engine.submit(sequence)
        try:
            while True:
                delta = await deltas.get()
                if isinstance(delta, BaseException):
                    raise DeviceError(f"the model failed: {delta}") from delta
                yield delta
                if delta.finish is not None:
                    return
        finally:
            del self._open[id(sequence)]
            self._engine.cancel(sequence)

    async def close(self) -> None:
        await asyncio.to_thread(self._engine.close)

    def _fail(self, sequence: Sequence, error: BaseException) -> None:
        deltas = self._open.get(id(sequence))
        if deltas is not None:
            self._loop.call_soon_threadsafe(deltas.put_nowait, error)

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return text

    def _prompt(self, request: Request) -> list[int]:
        try:
            ids = self._tokenizer.apply_chat_template(
                request.messages,
                tools=request.tools or None,
                add_generation_prompt=True,
                tokenize=True,
                return_dict=False,
            )
        except Exception as error:  # a template is a program and raises what it likes
            raise InvalidArgument(f"the model's chat template refuses this: {error}") from error
        return [int(one) for one in ids]


def _ends(loaded: Loaded) -> frozenset[int]:
    """Return the tokens that end a reply."""
    said: Any = getattr(loaded.model.generation_config, "eos_token_id", None)
    ends = {said} if isinstance(said, int) else set(said or ())
    if loaded.tokenizer.eos_token_id is not None:
        ends.add(loaded.tokenizer.eos_token_id)
    return frozenset(ends)
