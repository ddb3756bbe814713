"""A reply on its way from a device to whoever asked.

Interface:
    Routed          a request's reply, from the device that it was sent to or the next one
    metered         charges the call for a reply as it comes
    gathered        a reply as a whole
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from ...syscalls.errors import DeviceError
from ...syscalls.model import ChatReply, TokenLogprob
from .charging import Charging
from .contract import Delta, Meter, Request
from .fleet import Fleet
from .tenure import Tenure


class Routed:
    """A request's reply. A device that fails before it has said anything hands it to another."""

    def __init__(self, fleet: Fleet, request: Request, model: str | None) -> None:
        self._fleet = fleet
        self._request = request
        self._model = model
        #: The name of the model that answers.
        self.name = ""

    async def deltas(self) -> AsyncGenerator[Delta, None]:
        """Yield the reply. Raises as `Fleet.route` and `Engine.chat` do."""
        pid = self._request.owner.pid
        tenure, tried, begun = self._fleet.route(pid, self._model), [], False
        while True:
            self.name = tenure.name
            try:
                async with aclosing(self._from(tenure)) as deltas:
                    async for delta in deltas:
                        begun = True
                        yield delta
                return
            except DeviceError:
                tried.append(tenure)
                following = None if begun else self._fleet.next(pid, self._model, tried)
                if following is None:
                    raise
                tenure = following

    async def _from(self, tenure: Tenure) -> AsyncGenerator[Delta, None]:
        with tenure.call() as engine:
            # Every engine's `chat` is a generator, but the contract asks for no more than it uses.
            async with aclosing(engine.chat(self._request)) as deltas:  # type: ignore[type-var]
                async for delta in deltas:
                    yield delta


async def metered(deltas: AsyncIterator[Delta], meter: Meter) -> AsyncGenerator[Delta, None]:
    """Pass a reply on and charge the call for it as it comes, also where it breaks off."""
    with Charging(meter) as charging:
        async with aclosing(deltas):  # type: ignore[type-var]  # as above
            async for delta in deltas:
                if delta.usage is not None:
                    meter.usage = delta.usage
                charging.settle()
                yield delta


async def gathered(deltas: AsyncIterator[Delta], meter: Meter) -> ChatReply:
    """Return a reply as a whole, without the model's name."""
    text, logprobs, last = "", list[TokenLogprob](), Delta()
    async with aclosing(metered(deltas, meter)) as pieces:
        async for last in pieces:
            text += last.text
            logprobs += last.logprobs or ()
    return ChatReply(
        content=text or None,
        tool_calls=last.tool_calls,
        finish_reason=last.finish or "stop",
        usage=meter.usage,
        model="",
        logprobs=logprobs or None,
    )
