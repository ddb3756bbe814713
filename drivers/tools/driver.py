"""The tools driver.

Interface:
    ToolsDriver     implements `Tool`
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections import OrderedDict
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ...syscalls.errors import (
    DeadlineExceeded,
    DeviceError,
    LLMAgentOSError,
    NotFound,
)
from ...syscalls.host import Host
from ...syscalls.server import caller
from ...syscalls.tool import Tool, ToolInfo, ToolResult
from .builtin import TOOLS
from .contract import Context, Definition, Failure, define
from .settings import read
from .worker import run_aside

#: Characters of a result, at most.
TEXT = 256 * 1024
#: Callers whose folder is remembered.
REMEMBERED = 10_000


class ToolsDriver(Tool):
    """Built-in tools and those of plugins."""

    async def setup(self, host: Host) -> None:
        self._host = host
        self._config = read(host.config)
        self._homes: OrderedDict[int, Path] = OrderedDict()
        self._tools = {name: define(name, function) for name, function in TOOLS.items()}
        #: Where a plugin's tools come from: nobody knows what they do, so each call runs aside.
        self._strange: dict[str, str] = {}
        for point in entry_points(group="llmagentos.tools"):
            if point.name in self._tools:
                taken = f"the tool {point.name} of {point.value} is left out: the name is taken"
                print(taken, file=sys.stderr)
                continue
            try:
                definition = define(point.name, point.load())
            except (Exception, SystemExit) as error:  # a stranger's module may raise anything
                print(f"the tool {point.name} cannot be loaded: {error}", file=sys.stderr)
                continue
            self._tools[point.name] = definition
            self._strange[point.name] = point.value

    async def ls(self) -> list[ToolInfo]:
        return [self._tools[name].info for name in sorted(self._tools)]

    async def call(
        self, name: str, arguments: dict[str, Any] | None = None, timeout: float = 30.0
    ) -> ToolResult:
        definition = self._tools.get(name)
        if definition is None:
            near = get_close_matches(name, self._tools, n=3) or sorted(self._tools)
            raise NotFound(f"there is no tool {name!r}; there is {', '.join(near)}")
        checked = definition.check(arguments or {})
        try:
            async with asyncio.timeout(timeout) as limit:
                text = await self._run(definition, checked, arguments or {})
        except TimeoutError as error:
            if not limit.expired():  # the tool's own
                raise DeviceError(f"{name} crashed: TimeoutError: {error}") from error
            raise DeadlineExceeded(f"{name} had no result within {timeout:g} s") from None
        except Failure as failure:
            return ToolResult(text=_cut(f"error: {failure}"), failed=True)
        except LLMAgentOSError:
            raise
        except Exception as error:
            raise DeviceError(f"{name} crashed: {type(error).__name__}: {error}") from error
        return ToolResult(text=_cut(text))

    async def _run(
        self, definition: Definition, arguments: dict[str, Any], given: dict[str, Any]
    ) -> str:
        system, home = self._host.os.on_behalf(caller().call), await self._home()
        if (entry := self._strange.get(definition.info.name)) is not None:
            # Its process checks them again: what was converted cannot always be sent.
            return await run_aside(system, entry, home, self._config, given)
        context = Context(os=system, home=home, config=self._config)
        if inspect.iscoroutinefunction(definition.function):
            return str(await definition.function(context, **arguments))
        # Ours end in bounded time; a thread keeps the loop free meanwhile.
        return str(await asyncio.to_thread(definition.function, context, **arguments))

    async def _home(self) -> Path:
        """Return the caller's own folder, which the kernel knows."""
        who = caller()
        home = self._homes.get(who.pid)
        if home is None:
            said = (await self._host.os.process.inspect(who.pid)).home
            # A session has no folder of its own and uses its principal's.
            home = Path(said) if said else self._host.homes / who.principal / "session"
            self._homes[who.pid] = home
            if len(self._homes) > REMEMBERED:
                self._homes.popitem(last=False)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return home


def _cut(text: str) -> str:
    # A file's name may hold bytes that are no characters, which no message can carry.
    text = text.encode(errors="replace").decode()
    return text if len(text) <= TEXT else f"{text[:TEXT]}… ({len(text)} characters)"
