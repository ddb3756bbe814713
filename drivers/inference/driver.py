"""The inference driver.

Interface:
    InferenceDriver     implements `Model`
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from ...syscalls.errors import DeviceError, InvalidArgument, LLMAgentOSError
from ...syscalls.host import Host
from ...syscalls.model import ChatChunk, ChatReply, Message, Model, ModelInfo, Usage
from ...syscalls.server import charge
from .contract import Engine, Request

EMBEDDED = Path(__file__).parent / "embedded"
#: What the kernel queues calls for.
KIND = "inference"


class InferenceDriver(Model):
    """One device at a time; a new one takes over once it has loaded."""

    async def setup(self, host: Host) -> None:
        self._host = host
        self._remembered = host.state / "model.json"
        self._engine: Engine | None = None
        self._loading: str | None = None
        self._failure: str | None = None
        self._switch = asyncio.Lock()
        await host.os.device.register(KIND, slots=0)
        host.tasks.create_task(self._first())

    async def teardown(self) -> None:
        if self._engine is not None:
            await self._engine.close()

    async def _first(self) -> None:
        """Load what ran last, or what the configuration says; failing that, the embedded model."""
        wanted: dict[str, Any] = {"target": self._host.config.get("model", "embedded")}
        try:
            if self._remembered.exists():
                wanted = json.loads(self._remembered.read_text())
            await self.use(**wanted)
        except (LLMAgentOSError, ValueError, TypeError, OSError) as error:
            self._failure = f"{wanted}: {error}"
            print(f"the model {wanted.get('target')} cannot be run: {error}", flush=True)
            if wanted.get("target") != "embedded":
                await self._take("embedded", None, None)

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
        request = Request(
            messages=messages, tools=tools or [], max_tokens=max_tokens, temperature=temperature,
            top_p=top_p, top_k=top_k, stop=stop or [], seed=seed, logprobs=logprobs,
        )  # fmt: skip
        engine = self._active()
        text = ""
        async with aclosing(engine.chat(request)) as deltas:  # type: ignore[type-var]
            async for delta in deltas:
                text += delta.text
        usage = delta.usage or Usage(input_tokens=0, output_tokens=0)
        _charge(usage)
        return ChatReply(
            content=text or None,
            tool_calls=delta.tool_calls,
            finish_reason=delta.finish or "stop",
            usage=usage,
            model=engine.info().name,
            logprobs=delta.logprobs,
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
        request = Request(
            messages=messages, tools=tools or [], max_tokens=max_tokens, temperature=temperature,
            top_p=top_p, top_k=top_k, stop=stop or [], seed=seed,
        )  # fmt: skip
        engine = self._active()
        async with aclosing(engine.chat(request)) as deltas:  # type: ignore[type-var]
            async for delta in deltas:
                if delta.usage is not None:
                    _charge(delta.usage)
                yield ChatChunk(
                    content=delta.text,
                    tool_calls=delta.tool_calls,
                    finish_reason=delta.finish,
                    usage=delta.usage,
                    model=engine.info().name if delta.finish else None,
                )

    async def ls(self) -> list[ModelInfo]:
        known = [] if self._engine is None else [self._engine.info()]
        if self._loading is not None:
            known.append(_named(self._loading, "loading"))
        if self._failure is not None:
            known.append(_named("last", f"failed: {self._failure}"))
        if not any(one.target == "embedded" for one in known):
            known.append(_named("embedded", "available"))
        return known

    async def use(self, target: str, name: str | None = None, key: str | None = None) -> ModelInfo:
        info = await self._take(target, name, key)
        # A key is not written down: an endpoint that wants one is named again after a restart.
        said = {"target": target, "name": name}
        self._remembered.write_text(json.dumps(said))
        self._failure = None
        return info

    async def _take(self, target: str, name: str | None, key: str | None) -> ModelInfo:
        async with self._switch:
            self._loading = target
            try:
                engine = await self._open(target, name, key)
            finally:
                self._loading = None
            old, self._engine = self._engine, engine
        await self._host.os.device.register(KIND, slots=engine.slots)
        if old is not None:
            self._host.tasks.create_task(old.close())
        return engine.info()

    async def _open(self, target: str, name: str | None, key: str | None) -> Engine:
        kind, _, rest = target.partition(":")
        if target == "embedded" or (kind == "hf" and rest):
            from .local.device import LocalDevice

            source = str(EMBEDDED) if target == "embedded" else rest
            local = await LocalDevice.load(target, source, self._host.config.get("threads"))
            return local
        if kind == "openai" and rest:
            from .openai.device import OpenAIDevice

            remote = OpenAIDevice(rest, name, key)
            try:
                await remote.check()
            except BaseException:
                await remote.close()
                raise
            return remote
        raise InvalidArgument(f"{target!r} is none of embedded, hf:FOLDER-or-ID, openai:URL")

    def _active(self) -> Engine:
        if self._engine is None:
            raise DeviceError("no model is loaded")
        return self._engine


def _named(target: str, state: str) -> ModelInfo:
    device = "openai" if target.startswith("openai:") else "local"
    return ModelInfo(target=target, name=target, active=False, device=device, state=state)


def _charge(usage: Usage) -> None:
    charge(
        tokens=usage.input_tokens + usage.output_tokens,
        device_seconds=usage.device_seconds,
        money=usage.money,
    )
