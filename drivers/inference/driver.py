"""The inference driver.

Interface:
    InferenceDriver     implements `Model`
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from ...syscalls.errors import AlreadyExists, InputOutputError, InvalidArgument, NotFound
from ...syscalls.host import Host
from ...syscalls.model import (
    ChatChunk,
    ChatReply,
    ContextInfo,
    Embeddings,
    Message,
    Model,
    ModelInfo,
    PageMap,
    Scores,
)
from ...syscalls.server import caller
from .charging import Charging
from .choice import Choice, Memo
from .contract import ContextEngine, Engine, Meter, Owner, ProcessState, Request, Sampling
from .fleet import Fleet, contextual, each
from .openai.prices import Prices
from .place import Place, named
from .reply import Routed, gathered, metered
from .targets import OPENERS, Opener, open_engine
from .targets import SETTINGS as OF_LOCAL
from .tenure import Tenure
from .toolcalls import forced, offered

#: What the kernel queues calls for.
KIND = "inference"


class InferenceDriver(Model):
    """One device or several; a new one takes over once it has loaded.

    How a reply is drawn is the interface's affair: here it travels as `sampling`.
    """

    SETTINGS = ("model", "embedder", "sentence_dtype", "prices", *OF_LOCAL)

    def __init__(self, openers: Mapping[str, Opener] = OPENERS) -> None:
        self._openers = openers

    async def setup(self, host: Host) -> None:
        self._host = host
        # Told at once, not when some endpoint is chosen at last.
        Prices.read(host.config.get("prices", {}))
        self._memo = Memo(host.state)
        self._fleet = Fleet()
        self._loading: str | None = None
        self._slots = 0
        self._switch = asyncio.Lock()
        await host.os.device.register(KIND, slots=0)
        # Only where nothing was chosen it is the embedded model: nobody gets another by surprise.
        configured = Choice(target=str(host.config.get("model", "embedded")))
        choices = self._memo.read() or [configured]
        self._fleet.places = [self._place(one) for one in choices]
        # What the configuration asks for beside them is there whatever a person chooses.
        self._embedder: Place | None = None
        embedder = host.config.get("embedder")
        if embedder and all(one.target != embedder for one in choices):
            self._embedder = self._place(Choice(target=str(embedder), sentences=True))
            self._fleet.places.append(self._embedder)
        for place in self._fleet.places:
            place.keep(self._host.tasks)

    async def teardown(self) -> None:
        for place in self._fleet.places:
            await place.give_up()
        for tenure in [*self._fleet.tenures, *self._fleet.retiring]:
            await tenure.engine.close()

    # Conversations.

    async def chat(  # type: ignore[override]  # see the class
        self,
        messages: list[Message],
        tools: list[dict[str, Any]] | None = None,
        model: str | None = None,
        **sampling: Any,
    ) -> ChatReply:
        routed, request = self._routed(messages, tools, model, sampling)
        reply = await gathered(routed.deltas(), request.meter)
        return replace(reply, model=routed.name)

    async def stream(  # type: ignore[override]  # see the class
        self,
        messages: list[Message],
        tools: list[dict[str, Any]] | None = None,
        model: str | None = None,
        **sampling: Any,
    ) -> AsyncIterator[ChatChunk]:
        routed, request = self._routed(messages, tools, model, sampling)
        async with aclosing(metered(routed.deltas(), request.meter)) as deltas:
            async for delta in deltas:
                yield ChatChunk(
                    content=delta.text,
                    tool_calls=delta.tool_calls,
                    finish_reason=delta.finish,
                    usage=request.meter.usage if delta.finish else None,
                    model=routed.name if delta.finish else None,
                    logprobs=delta.logprobs,
                )

    def _routed(
        self,
        messages: list[Message],
        tools: list[dict[str, Any]] | None,
        model: str | None,
        sampling: dict[str, Any],
    ) -> tuple[Routed, Request]:
        drawn = _sampling(sampling)
        request = Request(
            messages=messages,
            tools=offered(tools or [], drawn.tool_choice),
            sampling=drawn,
            owner=_owner(),
        )
        return Routed(self._fleet, request, model), request

    # Contexts.

    async def open(
        self,
        text: str | None = None,
        messages: list[Message] | None = None,
        tools: list[dict[str, Any]] | None = None,
    ) -> ContextInfo:
        owner, meter = _owner(), Meter()
        tenure = self._fleet.route(owner.pid, flag="fork")
        with tenure.call(), Charging(meter):
            info = await contextual(tenure).open(
                owner, meter, text=text, messages=messages, tools=tools or []
            )
        self._fleet.note(owner.pid, info.context, tenure)
        return info

    async def append(
        self, context: int, text: str | None = None, messages: list[Message] | None = None
    ) -> ContextInfo:
        tenure, meter = self._holding(context), Meter()
        with tenure.call(), Charging(meter):
            return await contextual(tenure).append(
                _owner(), meter, context, text=text, messages=messages
            )

    async def generate(self, context: int, **sampling: Any) -> ChatReply:  # type: ignore[override]
        tenure, meter = self._holding(context), Meter()
        with tenure.call():
            deltas = contextual(tenure).generate(_owner(), meter, context, _sampling(sampling))
            return replace(await gathered(deltas, meter), model=tenure.name)

    async def fork(self, context: int, count: int = 1) -> list[ContextInfo]:
        tenure = self._holding(context)
        with tenure.call():
            made = await contextual(tenure).fork(_owner(), context, count)
        for one in made:
            self._fleet.note(one.pid, one.context, tenure)
        return made

    async def score(
        self,
        continuations: list[str],
        context: int | None = None,
        messages: list[Message] | None = None,
        text: str | None = None,
    ) -> Scores:
        if context is None:
            tenure = self._fleet.route(caller().pid, flag="score")
        else:
            tenure = self._holding(context)
        meter = Meter()
        with tenure.call(), Charging(meter):
            return await contextual(tenure).score(
                _owner(), meter, continuations, context=context, messages=messages, text=text
            )

    async def embed(self, texts: list[str]) -> Embeddings:
        tenure, meter = self._fleet.route(caller().pid, flag="embed"), Meter()
        with tenure.call(), Charging(meter):
            return await contextual(tenure).embed(_owner(), meter, texts)

    async def pin(self, context: int, seconds: float) -> ContextInfo:
        return contextual(self._holding(context)).pin(_owner(), context, seconds)

    async def close(self, context: int) -> None:
        contextual(self._holding(context)).close_context(_owner(), context)
        self._fleet.forget(caller().pid, context)

    async def contexts(self) -> list[ContextInfo]:
        return [one for engine in self._engines() for one in engine.contexts(_owner())]

    async def pages(self) -> PageMap:
        maps = [engine.pages() for engine in self._engines()]
        if not maps:
            raise InvalidArgument("no device here has pages: they only answer `chat`")
        found, principal = _together(maps), caller().principal
        if principal == self._host.state.owner():  # whose daemon it is
            return found
        mine = [one for one in found.holders if one.principal in ("", principal)]
        return replace(found, holders=mine)

    def on_rank(self, call: int, rank: tuple[float, ...]) -> None:
        for engine in self._engines():
            engine.rank(call, rank)

    def on_process(self, pid: int, state: ProcessState, seconds: float | None) -> None:
        for engine in self._engines():
            engine.process(pid, state, seconds)
        if state == "gone":
            self._fleet.gone(pid)

    def _engines(self) -> list[ContextEngine]:
        """Return those that hold contexts, also those that only end what they have begun."""
        return list(each([*self._fleet.tenures, *self._fleet.retiring]))

    def _holding(self, context: int) -> Tenure:
        return self._fleet.holding(caller().pid, context)

    # What runs.

    async def ls(self) -> list[ModelInfo]:
        chosen = self._fleet.chosen
        listed = sorted(self._fleet.places, key=lambda place: place is not chosen)
        known = [
            replace(place.info(place is chosen), share=self._fleet.portion(place))
            for place in listed
        ]
        if self._loading is not None:
            known.append(named(self._loading, "loading"))
        if not any(one.target == "embedded" for one in known):
            known.append(named("embedded", "available"))
        return known

    async def use(self, target: str, name: str | None = None, key: str | None = None) -> ModelInfo:
        choice = Choice(target=target, name=name, key=key)
        # What is being tried since the boot may take long; it goes on if this one fails.
        waiting = [one for one in self._besides(self._embedder) if one.tenure is None]
        for place in waiting:
            await place.give_up()
        before = self._fleet.places
        try:
            async with self._switch:
                place = await self._try(choice)
                before = self._fleet.places
                stays = [one for one in before if one is self._embedder]
                self._fleet.places = [place, *(one for one in stays if one.choice.target != target)]
                await self._admit(before)
        except BaseException:
            for one in waiting:
                if one in self._fleet.places:
                    one.keep(self._host.tasks)
            raise
        place.keep(self._host.tasks)
        for one in before:
            if one not in self._fleet.places:
                await self._retire(one)
        self._remember()
        return place.info(True)

    async def add(self, target: str, name: str | None = None, key: str | None = None) -> ModelInfo:
        choice = Choice(target=target, name=name, key=key)
        async with self._switch:
            if any(one.choice.target == target for one in self._fleet.places):
                raise AlreadyExists(f"{choice.label} runs already")
            place = await self._try(choice)
            before, self._fleet.places = self._fleet.places, [*self._fleet.places, place]
            await self._admit(before)
        place.keep(self._host.tasks)
        self._remember()
        return place.info(place is self._fleet.chosen)

    async def remove(self, target: str) -> None:
        async with self._switch:
            place = self._fleet.find(target)
            if place is None:
                raise NotFound(f"no device runs {target}")
            others = self._besides(place, self._embedder)
            if not others:
                raise InvalidArgument(f"{target} is the only one; `use` another in its place")
            self._fleet.places.remove(place)
            if self._fleet.chosen is not None:
                # Who comes to be the chosen one serves whatever nobody else does.
                first = self._fleet.chosen
                first.choice = replace(first.choice, share=0.0)
            await self._register()
        await self._retire(place)
        self._remember()

    async def share(self, target: str, share: float) -> ModelInfo:
        async with self._switch:
            place = self._fleet.find(target)
            if place is None or place.tenure is None:
                raise NotFound(f"no device runs {target}; `add` it first")
            if place.choice.sentences:
                raise InvalidArgument(f"{place.choice.label} holds no conversations")
            self._fleet.share(place, share)
        self._remember()
        return replace(place.info(place is self._fleet.chosen), share=self._fleet.portion(place))

    def _besides(self, *places: Place | None) -> list[Place]:
        return [one for one in self._fleet.places if one not in places]

    def _place(self, choice: Choice) -> Place:
        return Place(choice, self._open, self._register, self._fleet.drop)

    async def _open(self, choice: Choice) -> Engine:
        return await open_engine(choice, self._host.config, self._openers)

    async def _try(self, choice: Choice) -> Place:
        """Load what a person has chosen. Raises whatever it fails with."""
        place = self._place(choice)
        self._loading = choice.label
        try:
            await place.take()
        finally:
            self._loading = None
        return place

    async def _admit(self, before: list[Place]) -> None:
        """Say what runs now: the calls that have waited come in before the answer does. Where the
        kernel refuses, all is as it was before."""
        try:
            await self._register()
        except BaseException:
            fresh = [one for one in self._fleet.places if one not in before]
            self._fleet.places = before
            for one in fresh:
                await self._retire(one)
            raise

    async def _register(self) -> None:
        slots = self._fleet.slots
        if slots or self._slots:
            await self._host.os.device.register(KIND, slots=slots, flags=self._fleet.flags)
            self._slots = slots

    async def _retire(self, place: Place) -> None:
        await place.give_up()
        if place.tenure is not None:
            # Its contexts are nobody's from now on; what it has begun it ends.
            self._fleet.drop(place.tenure)
            self._fleet.retiring.append(place.tenure)
            self._host.tasks.create_task(self._see_out(place.tenure))

    async def _see_out(self, tenure: Tenure) -> None:
        try:
            await tenure.retire()
        finally:
            self._fleet.retiring.remove(tenure)

    def _remember(self) -> None:
        choices = [place.choice for place in self._besides(self._embedder)]
        try:
            self._memo.write(choices)
        except OSError as error:
            raise InputOutputError(
                f"{choices[-1].label} runs, but not after a restart: {error}"
            ) from error


def _owner() -> Owner:
    who = caller()
    return Owner(pid=who.pid, principal=who.principal, call=who.call, rank=who.rank)


def _sampling(fields: dict[str, Any]) -> Sampling:
    wanted, count = fields.pop("logprobs", False), fields.pop("top_logprobs", 0)
    fields["stop"] = fields.get("stop") or []
    if fields.get("grammar") is not None and forced(fields.get("tool_choice", "auto")):
        raise InvalidArgument("a reply is held to a grammar or has to be a call, not both")
    return Sampling(**fields, logprobs=count if wanted or count else None)


def _together(maps: list[PageMap]) -> PageMap:
    """Return several devices' pages as one; the size of a page is that of the first one."""
    return replace(
        maps[0],
        total=sum(one.total for one in maps),
        free=sum(one.free for one in maps),
        cached=sum(one.cached for one in maps),
        swapped=sum(one.swapped for one in maps),
        holders=[holder for one in maps for holder in one.holders],
    )
