"""The tools driver.

Interface:
    ToolsDriver     implements `Tool`
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from ...syscalls.errors import (
    DeadlineExceeded,
    DeviceError,
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
    PermissionDenied,
)
from ...syscalls.host import Host
from ...syscalls.server import caller, taint
from ...syscalls.tool import Tool, ToolInfo, ToolResult, ToolServer
from .contract import Context, Failure
from .homes import Homes
from .index import Index
from .installed import Installed, installed, sections
from .mcp import reply
from .mcp.held import Ground
from .mcp.offer import Remote
from .mcp.peer import Peer
from .mcp.servers import Servers
from .mcp.settings import read as read_server
from .outcome import bounded
from .rates import Rates
from .settings import Settings, read
from .worker import run_aside

#: Characters of a name that is looked for among those of the tools.
LONGEST = 100


class ToolsDriver(Tool):
    """Built-in tools, those of plugins, and those of servers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock

    async def setup(self, host: Host) -> None:
        plugins = sections() - Settings.model_fields.keys()
        settings = read(host.config, plugins)
        self._host, self._homes = host, Homes(host)
        # What the servers are told may be a secret, which is no affair of a tool's.
        self._config = settings.model_dump(exclude={"mcp"}) | {
            name: host.config[name] for name in plugins & host.config.keys()
        }
        self._rates = Rates(settings.rates, self._clock)
        self._local = installed()
        self._index: tuple[int, Index] | None = None
        self._effects: dict[str, bool] = {}
        ground = Ground(homes=host.state / "servers", filter=host.seccomp)
        self._servers = Servers(host.tasks, host.state / "servers.json", self._on_change, ground)
        self._servers.start(settings.mcp, self._local)
        await self._tell_effects()

    async def teardown(self) -> None:
        await self._servers.close()

    async def ls(self, only: list[str] | None = None) -> list[ToolInfo]:
        if only is None or not self._local.keys() >= set(only):
            await self._servers.looked()
        return self._told(_fitting(self._infos(), only))

    async def search(
        self, query: str, limit: int = 8, only: list[str] | None = None
    ) -> list[ToolInfo]:
        await self._servers.looked()
        changes = self._servers.changes
        if self._index is None or self._index[0] != changes:
            # A search for tools is no tool that a search should find.
            self._index = changes, Index(o for o in self._infos() if o.name != "find_tools")
        found = self._index[1].search(query, limit if only is None else -1)
        return self._told(_fitting(found, only)[:limit])

    async def servers(self) -> list[ToolServer]:
        for name in self._servers.strange():
            taint(f"mcp:{name}, how it failed")
        return self._servers.ls()

    async def connect(
        self,
        name: str,
        command: list[str] | None = None,
        url: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> ToolServer:
        await self._given_by_name("tool.connect")
        given = {"command": command or [], "url": url or "", **(options or {})}
        return await self._servers.connect(name, read_server(given))

    async def disconnect(self, name: str) -> None:
        await self._given_by_name("tool.disconnect")
        await self._servers.disconnect(name)

    async def call(
        self, name: str, arguments: dict[str, Any] | None = None, timeout: float = 30.0
    ) -> ToolResult:
        given = arguments or {}
        if (tool := self._local.get(name)) is not None:
            checked = tool.definition.check(given)
            self._rates.take(caller().principal, tool.definition.info)
            return await _within(timeout, tool.definition.info, self._run(tool, checked, given))
        if (found := self._servers.find(name)) is None:
            await self._servers.looked()
            found = self._servers.find(name)
        if found is None:
            names = sorted(one.name for one in self._infos())
            # To compare takes as long as the name is.
            near = get_close_matches(name[:LONGEST], names, n=3) or names
            self._told([one for one in self._infos() if one.name in near])
            raise NotFound(f"there is no tool {name[:LONGEST]!r}; there is {', '.join(near)}")
        peer, remote = found
        if (wrong := await asyncio.to_thread(remote.arguments.wrong, given)) is not None:
            _taint(remote.info)  # It may tell what the schema wants, in the schema's words.
            raise InvalidArgument(f"{name}: {wrong}")
        self._rates.take(caller().principal, remote.info)
        limit = min(timeout, peer.settings.timeout)
        return await _within(limit, remote.info, _ask(peer, remote, given))

    def _on_change(self) -> None:
        self._host.tasks.create_task(self._tell_effects())

    async def _tell_effects(self) -> None:
        """Tell the kernel which tools have an effect; what is not named is taken to have one.

        Approvals rest on it, so a server is believed only where the owner trusts it.
        """
        effects = {name: one.definition.info.effect for name, one in self._local.items()}
        for one in self._servers.infos():
            effects[one.name] = one.effect or one.untrusted
        if effects != self._effects:
            self._effects = effects
            with suppress(LLMAgentOSError):  # The kernel has gone, and the driver is to follow.
                await self._host.os.system.effects("tool.call", effects)

    async def _given_by_name(self, syscall: str) -> None:
        """Raise `PermissionDenied` for a caller that holds a call as one of many: who was given all
        of the tools was not given the right to run programs outside any sandbox."""
        held = (await self._host.os.process.inspect(caller().pid)).capabilities
        if not any(one == "*" or one.startswith(syscall) for one in held):
            raise PermissionDenied(f"{syscall} is a person's right, and given by its name alone")

    def _told(self, tools: list[ToolInfo]) -> list[ToolInfo]:
        """Return tools with their rates, for a caller that is about to read a stranger's words
        where one of them is a stranger's: its name, its description and its schema are."""
        for one in tools:
            if one.untrusted and one.name not in self._local:
                taint(f"{one.source}, what it offers")
        return [replace(one, rate=self._rates.of(one)) for one in tools]

    def _infos(self) -> list[ToolInfo]:
        local = [one.definition.info for one in self._local.values()]
        return sorted([*local, *self._servers.infos()], key=lambda one: one.name)

    async def _run(
        self, tool: Installed, arguments: dict[str, Any], given: dict[str, Any]
    ) -> ToolResult:
        who = caller()
        system, home = self._host.os.on_behalf(who.call), await self._homes.of(who)
        if tool.entry is not None:
            # Its process checks them again: what was converted cannot always be sent.
            return bounded(await run_aside(system, tool.entry, home, self._config, given))
        context = Context(os=system, home=home, config=self._config, filter=self._host.seccomp)
        function = tool.definition.function
        if inspect.iscoroutinefunction(function):
            return bounded(tool.definition.outcome(await function(context, **arguments)))
        # Ours end in bounded time; a thread keeps the loop free meanwhile.
        value = await asyncio.to_thread(function, context, **arguments)
        return bounded(tool.definition.outcome(value))


def _fitting(tools: Iterable[ToolInfo], patterns: list[str] | None) -> list[ToolInfo]:
    return [
        one
        for one in tools
        if patterns is None or any(fnmatchcase(one.name, pattern) for pattern in patterns)
    ]


async def _ask(peer: Peer, remote: Remote, arguments: dict[str, Any]) -> ToolResult:
    answer = await peer.call(remote, arguments)
    # To check a large answer takes its time.
    return await asyncio.to_thread(lambda: bounded(reply.result(remote, answer)))


async def _within(seconds: float, info: ToolInfo, work: Awaitable[ToolResult]) -> ToolResult:
    """Return a tool's result; what goes wrong in it is one, or an error of ours."""
    try:
        async with asyncio.timeout(seconds) as limit:
            result = await work
    except TimeoutError as error:
        if not limit.expired():  # the tool's own
            _taint(info)
            raise DeviceError(f"{info.name} crashed: TimeoutError: {error}") from error
        raise DeadlineExceeded(f"{info.name} had no result within {seconds:g} s") from None
    except Failure as failure:
        result = bounded(ToolResult(text=f"error: {failure}", failed=True))
    except LLMAgentOSError:
        _taint(info)  # What a server says of its end is a stranger's words as well.
        raise
    except Exception as error:
        _taint(info)
        raise DeviceError(f"{info.name} crashed: {type(error).__name__}: {error}") from error
    _taint(info, *result.sources[:1])
    return result


def _taint(info: ToolInfo, *source: str) -> None:
    if info.untrusted:
        taint(": ".join((info.name, *source)))
