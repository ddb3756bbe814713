"""The local device: conversations and contexts over the paged engine.

Interface:
    LocalDevice     implements `ContextEngine`
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from ....syscalls.errors import InvalidArgument, LLMAgentOSError
from ....syscalls.model import ContextInfo, Embeddings, ModelInfo, PageMap, Score, Scores
from ..abandonable import abandonable
from ..contract import Delta, Meter, Owner, ProcessState, Rank, Request, Sampling
from . import pool, processor
from .context import Context
from .contexts import ContextTable
from .desk import Desk
from .ear import Ear
from .encoder import Encoder
from .engine import PagedEngine
from .grammars import Grammars
from .loader import Dtype, Loaded, load
from .matcher import Matcher
from .pager import Pager
from .probe import proved
from .reading import Embedding, Scoring
from .template import Template
from .wording import Wording

#: Calls at once.
CALLS = 256


class LocalDevice:
    """A model on this machine. Its engine's thread never waits for the event loop."""

    slots = CALLS
    flags: tuple[str, ...] = ("preempt", "fork", "swap", "score", "grammar", "embed")

    def __init__(
        self,
        target: str,
        loaded: Loaded,
        tokens: int | None = None,
        swap: int | None = None,
        pages_per_process: int | None = None,
        attention: str = "auto",
    ) -> None:
        """Prove that the engine gives the model's logits, and make room for `tokens` in total.

        `swap` tokens have room in host memory, as many as in the device unless it is given; a
        process may hold `pages_per_process`, half of all unless it is given. `attention` names what
        attends (`backends.choice`). Blocking; the device serves once it is started. Raises
        `InvalidArgument` for a model, a name or a number that it cannot serve.
        """
        self._target = target
        self._name = loaded.name
        self._tokenizer = loaded.tokenizer
        self._template = Template(loaded.tokenizer)
        self._parameters = sum(p.numel() for p in loaded.model.parameters())
        vocabulary = loaded.model.get_input_embeddings().num_embeddings
        self._encoder = Encoder(loaded.tokenizer, vocabulary)
        self._ends = _ends(loaded)
        self._wording = Wording(self._template, self._encoder, self._ends)
        self._grammars = Grammars(loaded.tokenizer, self._ends)
        if not self._grammars.known:
            self.flags = tuple(flag for flag in self.flags if flag != "grammar")
        where = loaded.model.get_input_embeddings().weight.device
        batch = processor.batch(where)
        runner = proved(loaded.model, attention, batch.contexts)
        per_token, page = runner.memory.bytes_per_token, runner.memory.page_size
        tokens = pool.size(tokens, per_token, processor.available(where), batch.tokens)
        pages = tokens // page
        most = min(tokens, batch.swapped or tokens)
        places = pool.places(swap, most, per_token, pool.available()) // page
        runner.resize(pages)
        pager = Pager(pages, page, places)
        longest = int(getattr(loaded.config, "max_position_embeddings", None) or pager.capacity)
        quota = pool.quota(pages_per_process, pages, pager.needed(longest))
        self._page_bytes = per_token * page
        self._context = min(longest, min(quota, pages) * page)
        self._contexts = ContextTable()
        self._engine = PagedEngine(
            runner,
            pager,
            contexts=batch.contexts,
            quota=quota,
            step=batch.step,
            failed=self._told,
        )
        self._desk = Desk(self._engine, self._decode, self._ends)

    @classmethod
    async def load(
        cls,
        target: str,
        source: str,
        threads: int | None = None,
        dtype: Dtype | None = None,
        device: str = "auto",
        **settings: Any,
    ) -> LocalDevice:
        """Load a model aside from the event loop and start it; `settings` are those of the class.
        `device` and `dtype` are as `processor` has them.

        Raises `NotFound`, `InvalidArgument` or `DeviceError`, whatever is wrong with the model.
        """

        def work() -> LocalDevice:
            import torch

            try:
                if threads is not None:
                    torch.set_num_threads(threads)
                where = processor.chosen(device)
                loaded = load(source, processor.usual(where, dtype))
                if where.type != "cpu":  # There it is; layers in integers cannot be moved.
                    loaded.model.to(where)
                made = cls(target, loaded, **settings)
                processor.settle()
                return made
            except LLMAgentOSError:
                raise
            except Exception as error:  # a stranger's model may fail in any way
                reason = f"{type(error).__name__}: {error}"
                raise InvalidArgument(f"the model {source} cannot be run: {reason}") from error

        made = await abandonable(work)
        made.start()
        return made

    def start(self) -> None:
        """Serve from now on, on the event loop that runs."""
        self._failure = Ear[str]()
        self._engine.start()

    def _told(self, reason: str) -> None:
        self._failure.tell(reason)

    def info(self) -> ModelInfo:
        return ModelInfo(
            target=self._target,
            name=self._name,
            active=True,
            device="local",
            state="ready",
            parameters=self._parameters,
            context=self._context,
            flags=list(self.flags),
        )

    async def failed(self) -> str:
        return await self._failure.hear()

    async def close(self) -> None:
        await asyncio.to_thread(self._engine.close)
        processor.stir()

    async def chat(self, request: Request) -> AsyncGenerator[Delta, None]:
        def prepare() -> tuple[list[int], Matcher | None]:
            text = self._template.text(request.messages, request.tools)
            return self._encoder.rendered(text), self._grammars.matcher(sampling, request.tools)

        owner, sampling = request.owner, request.sampling
        prompt, matcher = await asyncio.to_thread(prepare)
        left = self._left(len(prompt))
        context = Context(owner.pid, owner.principal, prompt, tools=request.tools)
        self._engine.open(context)
        try:
            reply = self._desk.reply(
                context, sampling, matcher, owner, request.meter, brings=len(prompt), limit=left
            )
        except BaseException:
            self._engine.release(context)
            raise
        async with aclosing(reply) as deltas:
            async for delta in deltas:
                yield delta

    # Contexts.

    async def open(
        self,
        owner: Owner,
        meter: Meter,
        *,
        text: str | None,
        messages: list[Any] | None,
        tools: list[dict[str, Any]],
    ) -> ContextInfo:
        self._contexts.check(owner, 1)
        context = Context(owner.pid, owner.principal, [], tools=tools)
        self._contexts.add(context)
        self._engine.open(context)
        try:
            return await self._append(context, owner, meter, text, messages, tools)
        except BaseException:
            self._close(context)
            raise

    async def append(
        self,
        owner: Owner,
        meter: Meter,
        context: int,
        *,
        text: str | None,
        messages: list[Any] | None,
    ) -> ContextInfo:
        held = self._contexts.get(owner, context)
        return await self._append(held, owner, meter, text, messages, [])

    async def generate(
        self, owner: Owner, meter: Meter, context: int, sampling: Sampling
    ) -> AsyncGenerator[Delta, None]:
        held = self._contexts.get(owner, context)
        matcher = await asyncio.to_thread(self._grammars.matcher, sampling, held.tools)
        self._contexts.get(owner, context)  # it may have been closed meanwhile
        held.check_idle()
        old, brings = len(held.tokens), len(held.ask)
        left = self._left(old + brings)
        held.tokens += held.ask
        try:
            reply = self._desk.reply(
                held, sampling, matcher, owner, meter, brings=brings, limit=left
            )
        except BaseException:
            del held.tokens[old:]
            raise
        held.ask, held.asking, held.text = [], "", None
        async with aclosing(reply) as deltas:
            async for delta in deltas:
                yield delta

    async def fork(self, owner: Owner, context: int, count: int) -> list[ContextInfo]:
        trunk = self._contexts.get(owner, context)
        self._contexts.check(owner, count)
        made = self._engine.fork(trunk, count)
        for one in made:
            self._contexts.add(one)
        return [self._engine.info(one) for one in made]

    async def score(
        self,
        owner: Owner,
        meter: Meter,
        continuations: Sequence[str],
        *,
        context: int | None,
        messages: list[Any] | None,
        text: str | None,
    ) -> Scores:
        """Return the continuations' log-probabilities behind a text, a conversation with what asks
        for its next message, or a context; their tokens are those of `Encoder.following`."""
        if sum(one is not None for one in (context, messages, text)) != 1:
            raise InvalidArgument("one of a context, messages and a text is wanted")
        if context is None:
            base = Context(owner.pid, owner.principal, [], stays=True)
            piece = await asyncio.to_thread(self._wording.piece, base, text, messages, [])
            base.tokens, base.ask, base.asking = piece.tokens, piece.ask, piece.asking
            base.text = piece.text
            self._engine.open(base)
        else:
            [base] = self._engine.fork(self._contexts.get(owner, context))
        try:
            known = None if base.text is None else base.text + base.asking
            base.tokens += base.ask
            brings = len(base.tokens if context is None else base.ask)
            tokens = await asyncio.to_thread(
                lambda: [self._encoder.following(one, base.tokens, known) for one in continuations]
            )
            self._left(len(base.tokens), max(map(len, tokens)))
            await self._desk.read(base, owner, meter, brings)
            some = [one for one in tokens if one]
            forks = self._engine.fork(base, len(some), cached=False)
            for fork, more in zip(forks, some, strict=True):
                fork.tokens += more
            brought = [len(one) for one in some]
            found = iter(await self._desk.together(forks, Scoring, owner, meter, brought))
            # A continuation of no tokens is certain.
            scores = [Score(logprob=next(found) if one else 0.0, tokens=len(one)) for one in tokens]
            return Scores(scores=scores, usage=meter.usage, model=self._name)
        finally:
            self._engine.release(base)

    async def embed(self, owner: Owner, meter: Meter, texts: Sequence[str]) -> Embeddings:
        tokens = await asyncio.to_thread(lambda: [self._encoder.plain(one) for one in texts])
        for one in tokens:
            self._left(len(one), 0)
        made = [Context(owner.pid, owner.principal, one) for one in tokens]
        for context in made:
            self._engine.open(context, cached=False)
        vectors = await self._desk.together(
            made, Embedding, owner, meter, [len(one) for one in tokens]
        )
        return Embeddings(vectors=vectors, usage=meter.usage, model=self._name)

    def pin(self, owner: Owner, context: int, seconds: float) -> ContextInfo:
        held = self._contexts.get(owner, context)
        self._engine.pin(held, seconds)
        return self._engine.info(held)

    def close_context(self, owner: Owner, context: int) -> None:
        self._close(self._contexts.get(owner, context))

    def contexts(self, owner: Owner) -> list[ContextInfo]:
        return [self._engine.info(one) for one in self._contexts.of(owner.pid)]

    def pages(self) -> PageMap:
        return self._engine.pages(self._page_bytes)

    def rank(self, call: int, rank: Rank) -> None:
        self._engine.rank(call, rank)

    def process(self, pid: int, state: ProcessState, seconds: float | None) -> None:
        if state == "gone":
            for context in self._contexts.of(pid):
                self._contexts.remove(context)
        self._engine.process(pid, state, seconds)

    async def _append(
        self,
        context: Context,
        owner: Owner,
        meter: Meter,
        text: str | None,
        messages: list[Any] | None,
        tools: list[dict[str, Any]],
    ) -> ContextInfo:
        handle = context.handle or 0
        context.check_idle()
        piece = await asyncio.to_thread(self._wording.piece, context, text, messages, tools)
        self._contexts.get(owner, handle)  # it may have been closed meanwhile
        context.check_idle()
        wanted = len(context.tokens) + len(piece.tokens) + len(piece.ask)
        self._left(wanted or 1)
        context.tokens += piece.tokens
        if piece.tokens:
            await self._desk.read(context, owner, meter, len(piece.tokens))
        context.ask, context.asking = piece.ask, piece.asking
        context.text, context.chat = piece.text, piece.chat
        return self._engine.info(context)

    def _close(self, context: Context) -> None:
        self._contexts.remove(context)
        self._engine.release(context)

    def _left(self, tokens: int, more: int = 1) -> int:
        """Return how many tokens a context has room for besides those that it holds. Raises
        `InvalidArgument`, whose detail `context` is the most, where that is less than `more`, and
        for one that holds nothing."""
        left = self._context - tokens
        if not tokens:
            raise InvalidArgument("the conversation is empty")
        if left < more:
            raise InvalidArgument(
                f"the conversation has {tokens} tokens; the model's context {self._context}",
                context=self._context,
            )
        return left

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
