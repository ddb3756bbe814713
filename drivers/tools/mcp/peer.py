"""One server of tools, kept up: connected, listed, followed, and connected again when it has gone.

Interface:
    Peer            `keep` runs as long as the server is wanted; `call` makes a call of it
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ....syscalls.errors import DeviceError
from ....syscalls.reason import reason
from ....syscalls.tool import ToolServer
from ..contract import Failure
from .held import Ground
from .http import http
from .offer import Remote, offer
from .settings import ServerSettings
from .stdio import Gone, stdio
from .words import tidy

if TYPE_CHECKING:
    from mcp.client.client import Client
    from mcp.client.session import ClientSession
    from mcp_types import CallToolResult

#: Seconds until a server has to be ready, and for which a look at the tools waits for it.
CONNECT, LOOK = 60.0, 10.0
#: Seconds before it is started again, at first and at most, and of life that are a fresh start.
FIRST, LONGEST, STEADY = 0.5, 60.0, 60.0
#: Seconds between two looks at a list that keeps changing; its pages and tools at most.
PAUSE, PAGES, TOOLS = 1.0, 50, 512
#: Characters of a reason; the one that the library gives where something else is the reason.
REASON, CLOSED = 300, "Connection closed"


class Peer:
    """One server."""

    def __init__(
        self,
        name: str,
        settings: ServerSettings,
        changed: Callable[[], None],
        ground: Ground | None = None,
    ) -> None:
        self.name, self.settings, self._ground = name, settings, ground
        #: What it offers, and offered last where it is not there.
        self.tools: list[Remote] = []
        #: `connecting`, `ready`, or `failed: reason`.
        self.state = "connecting"
        #: Whether it is to be kept up; what it fails with may hide that its task was cancelled.
        self.wanted = True
        #: Set once its first attempt has ended, one way or the other.
        self.settled = asyncio.Event()
        self._looked = asyncio.Event()
        self._changed = changed
        self._stale = asyncio.Event()
        self._gone: asyncio.Future[str] | None = None
        self._session: ClientSession | None = None

    def info(self) -> ToolServer:
        """Return what people are told of it."""
        return ToolServer(
            name=self.name,
            address=self.settings.address(),
            state=self.state,
            tools=len(self.tools),
        )

    async def looked(self) -> None:
        """Wait until it has come up or failed, but not for long."""
        await self._looked.wait()

    async def keep(self) -> None:
        """Keep the server up until this is cancelled."""
        asyncio.get_running_loop().call_later(LOOK, self._looked.set)
        pause = FIRST
        while self.wanted:
            began = time.monotonic()
            try:
                await self._stay()
            except Exception as error:  # the library's, the network's, or the server's doing
                why = _reason(error)
                if why == CLOSED and self._gone is not None and self._gone.done():
                    why = self._gone.result()
            else:
                why = "it has gone"
            finally:
                self._session = None
            if not self.wanted:
                return
            print(f"the server {self.name}: {why}", file=sys.stderr, flush=True)
            if self.state == "connecting" and self.settings.boxed:
                why += "; it runs in a box, see its settings sandbox, read and write"
            self.state = f"failed: {why}"
            self._settle()
            pause = FIRST if time.monotonic() - began > STEADY else pause
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST)

    async def call(self, tool: Remote, arguments: dict[str, Any]) -> CallToolResult:
        """Make a call; cancelled, it is taken back at the server too.

        Raises `Failure` for what the server refuses, `DeviceError` where there is none to answer.
        """
        import anyio
        from mcp.shared.exceptions import MCPError
        from mcp_types import CONNECTION_CLOSED, CallToolRequest, CallToolRequestParams
        from mcp_types import CallToolResult as Answer

        await self.looked()
        session = self._session
        if session is None:
            raise DeviceError(f"the server {self.name} does not answer ({self.state})")
        request = CallToolRequest(
            params=CallToolRequestParams(name=tool.raw, arguments=arguments),
        )
        try:
            # Not the library's own call, which checks results for as long as that takes.
            return await session.send_request(request, Answer, request_read_timeout_seconds=600)
        except MCPError as error:
            if error.code == CONNECTION_CLOSED or error.message == "Session terminated":
                self._lose(error.message)
                raise DeviceError(f"the server {self.name} has gone: {_reason(error)}") from None
            raise Failure(_reason(error)) from None
        except ValidationError:
            raise DeviceError(f"the server {self.name} answers with what is no result") from None
        except (RuntimeError, anyio.ClosedResourceError, anyio.BrokenResourceError):
            raise DeviceError(f"the server {self.name} has gone") from None

    async def _stay(self) -> None:
        """Connect, and stay so until the server has gone."""
        import anyio
        from mcp.client.client import Client
        from mcp_types import Implementation

        self._gone = asyncio.get_running_loop().create_future()
        about = Implementation(name="llmagentos", version="1")
        with anyio.fail_after(CONNECT) as patience:
            async with Client(
                self._streams(),
                message_handler=self._hear,
                client_info=about,
                read_timeout_seconds=CONNECT,
                cache=None,
            ) as client:
                await self._list(client)
                patience.deadline = math.inf
                self._session, self.state = client.session, "ready"
                self._settle()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._end)
                    tasks.start_soon(self._follow, client)
                    tasks.start_soon(self._listen, client)

    def _streams(self) -> AbstractAsyncContextManager[Any]:
        if self.settings.url:
            return http(self.settings)
        return stdio(self.name, self.settings, self._lose, self._ground)

    async def _list(self, client: Client) -> None:
        listed, cursor = [], None
        for _ in range(PAGES):
            page = await client.list_tools(cursor=cursor)
            listed += page.tools
            cursor = page.next_cursor
            if cursor is None or len(listed) > TOOLS:
                break
        tools, left_out = await asyncio.to_thread(offer, self.name, self.settings, listed[:TOOLS])
        left_out += [f"{len(listed) - TOOLS} or more, past {TOOLS}"] if len(listed) > TOOLS else []
        for why in left_out[:20]:
            print(f"the server {self.name}: left out: {why}", file=sys.stderr, flush=True)
        self.tools = tools
        self._changed()

    async def _hear(self, message: Any) -> None:
        from mcp_types import ToolListChangedNotification

        if isinstance(message, ToolListChangedNotification):
            self._stale.set()

    async def _follow(self, client: Client) -> None:
        """List the tools again when they have changed; a flood of changes is one."""
        while True:
            await self._stale.wait()
            self._stale.clear()
            await self._list(client)
            await asyncio.sleep(PAUSE)

    async def _listen(self, client: Client) -> None:
        """Ask to be told of changes, where the protocol is one in which that has to be asked."""
        from mcp_types.version import MODERN_PROTOCOL_VERSIONS

        offers = client.server_capabilities.tools
        if client.protocol_version in MODERN_PROTOCOL_VERSIONS and offers and offers.list_changed:
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self._stale.set()
            raise Gone("it tells of no changes any more")

    async def _end(self) -> None:
        assert self._gone is not None
        raise Gone(await self._gone)

    def _lose(self, why: str) -> None:
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(why)

    def _settle(self) -> None:
        self.settled.set()
        self._looked.set()


def _reason(error: BaseException) -> str:
    """Return what went wrong: the first cause of a group of errors, in few words."""
    while isinstance(error, BaseExceptionGroup):
        gone = error.subgroup(Gone)
        error = (gone or error).exceptions[0]
    if isinstance(error, TimeoutError):
        return "it did not come up in time"
    if isinstance(error, ValidationError):
        return tidy(reason(error), REASON)
    return tidy(str(error), REASON) or type(error).__name__
