"""The inference driver.

Interface:
    InferenceDriver     implements `Model`
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from ...syscalls.errors import DeviceError, InputOutputError
from ...syscalls.host import Host
from ...syscalls.model import ChatChunk, ChatReply, Message, Model, ModelInfo, Usage
from ...syscalls.server import charge
from .choice import Choice, Memo
from .contract import Delta, Request
from .openai.address import shown
from .targets import OPENERS, Opener, open_engine
from .tenure import Tenure

#: What the kernel queues calls for.
KIND = "inference"
#: Seconds before what cannot be run at boot is tried again; the last one again and again.
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)


class InferenceDriver(Model):
    """One device at a time; a new one takes over once it has loaded."""

    def __init__(self, openers: Mapping[str, Opener] = OPENERS) -> None:
        self._openers = openers

    async def setup(self, host: Host) -> None:
        self._host = host
        self._memo = Memo(host.state)
        self._tenure: Tenure | None = None
        self._loading: str | None = None
        #: What a person wants and cannot have yet, and why.
        self._failure: tuple[str, str] | None = None
        self._switch = asyncio.Lock()
        await host.os.device.register(KIND, slots=0)
        # Only where nothing was chosen it is the embedded model: nobody gets another by surprise.
        configured = Choice(target=str(host.config.get("model", "embedded")))
        self._wanted = self._memo.read() or configured
        self._boot = host.tasks.create_task(self._first())

    async def teardown(self) -> None:
        self._boot.cancel()
        if self._tenure is not None:
            await self._tenure.engine.close()

    async def chat(
        self,
        messages: list[Message],
        tools: list[dict[str, Any]] | None = None,
        max_tokens: int = 512,
        temperature: float = 0.0,
        top_p: float = 1.0,
        top_k: int = 0,
        stop: list[str] | None = None,
        seed: int | None = None,
        logprobs: bool = False,
    ) -> ChatReply:
        request = _request(
            messages, tools, stop, max_tokens=max_tokens, temperature=temperature, top_p=top_p,
            top_k=top_k, seed=seed, logprobs=logprobs,
        )  # fmt: skip
        text, last = "", Delta()
        tenure = self._active()
        async with aclosing(_deltas(tenure, request)) as deltas:
            async for last in deltas:
                text += last.text
        return ChatReply(
            content=text or None,
            tool_calls=last.tool_calls,
            finish_reason=last.finish or "stop",
            usage=request.meter.usage,
            model=tenure.engine.info().name,
            logprobs=last.logprobs,
        )

    async def stream(
        self,
        messages: list[Message],
        tools: list[dict[str, Any]] | None = None,
        max_tokens: int = 512,
        temperature: float = 0.0,
        top_p: float = 1.0,
        top_k: int = 0,
        stop: list[str] | None = None,
        seed: int | None = None,
    ) -> AsyncIterator[ChatChunk]:
        request = _request(
            messages, tools, stop, max_tokens=max_tokens, temperature=temperature, top_p=top_p,
            top_k=top_k, seed=seed,
        )  # fmt: skip
        tenure = self._active()
        async with aclosing(_deltas(tenure, request)) as deltas:
            async for delta in deltas:
                yield ChatChunk(
                    content=delta.text,
                    tool_calls=delta.tool_calls,
                    finish_reason=delta.finish,
                    usage=request.meter.usage if delta.finish else None,
                    model=tenure.engine.info().name if delta.finish else None,
                )

    async def ls(self) -> list[ModelInfo]:
        known = [] if self._tenure is None else [self._tenure.engine.info()]
        if self._loading is not None:
            known.append(_named(self._loading, "loading"))
        elif self._failure is not None:
            target, reason = self._failure
            known.append(_named(target, f"failed: {reason}"))
        if not any(one.target == "embedded" for one in known):
            known.append(_named("embedded", "available"))
        return known

    async def use(self, target: str, name: str | None = None, key: str | None = None) -> ModelInfo:
        choice = Choice(target=target, name=name, key=key)
        # What is being tried since the boot may take long; it goes on if this one fails.
        self._boot.cancel()
        try:
            async with self._switch:
                info = await self._take(choice)
                self._wanted, self._failure = choice, None
                self._remember(choice)
        finally:
            if self._tenure is None:
                self._boot = self._host.tasks.create_task(self._first())
        return info

    async def _first(self) -> None:
        """Load what is wanted, again and again until something runs."""
        for pause in _pauses():
            async with self._switch:
                if self._tenure is not None:
                    return
                try:
                    await self._take(self._wanted)
                    self._failure = None
                    return
                except Exception as error:  # whatever it is, a person can still choose another
                    self._failure = (self._wanted.label, shown(str(error)))
                    print(
                        f"{self._wanted.label} cannot be run: {self._failure[1]}", file=sys.stderr
                    )
            await asyncio.sleep(pause)

    async def _take(self, choice: Choice) -> ModelInfo:
        """Let a new engine take over. The switch is held."""
        self._loading = choice.label
        try:
            engine = await open_engine(choice, self._host.config, self._openers)
        finally:
            self._loading = None
        old, self._tenure = self._tenure, Tenure(engine)
        try:
            # The calls that have waited come in before the answer does.
            await self._host.os.device.register(KIND, slots=engine.slots)
        except BaseException:
            self._tenure = old
            await engine.close()
            raise
        if old is not None:
            self._host.tasks.create_task(old.retire())
        return engine.info()

    def _remember(self, choice: Choice) -> None:
        try:
            self._memo.write(choice)
        except OSError as error:
            raise InputOutputError(
                f"{choice.label} runs, but not after a restart: {error}"
            ) from error

    def _active(self) -> Tenure:
        if self._tenure is None:
            raise DeviceError("no model is loaded")
        return self._tenure


def _request(
    messages: list[Message],
    tools: list[dict[str, Any]] | None,
    stop: list[str] | None,
    **fields: Any,
) -> Request:
    return Request(messages=messages, tools=tools or [], stop=stop or [], **fields)


async def _deltas(tenure: Tenure, request: Request) -> AsyncGenerator[Delta, None]:
    """Yield a reply and charge the call for it as it comes, also where it ends before its end."""
    charged = Usage(input_tokens=0, output_tokens=0)
    with tenure.call() as engine:
        # Every engine's `chat` is a generator, but the contract asks for no more than it uses.
        async with aclosing(engine.chat(request)) as deltas:  # type: ignore[type-var]
            try:
                async for delta in deltas:
                    if delta.usage is not None:
                        request.meter.usage = delta.usage
                    charged = _charge(charged, request.meter.usage)
                    yield delta
            finally:
                _charge(charged, request.meter.usage)


def _charge(before: Usage, now: Usage) -> Usage:
    """Charge what came on top of what was charged before."""
    charge(
        tokens=now.input_tokens + now.output_tokens - before.input_tokens - before.output_tokens,
        device_seconds=now.device_seconds - before.device_seconds,
        money=now.money - before.money,
    )
    return now


def _named(target: str, state: str) -> ModelInfo:
    device = target.partition(":")[0] if target.startswith(("openai:", "scripted:")) else "local"
    return ModelInfo(target=target, name=target, active=False, device=device, state=state)


def _pauses() -> Iterator[float]:
    yield from PAUSES
    while True:
        yield PAUSES[-1]
