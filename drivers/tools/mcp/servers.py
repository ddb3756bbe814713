"""All servers of tools: those of the configuration, and those that a person has connected.

Interface:
    Servers         `start`, `close`; `connect`, `disconnect`, `ls`; `find` a tool's server
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from ....syscalls.errors import AlreadyExists, DeviceError, InvalidArgument, NotFound
from ....syscalls.tool import ToolInfo, ToolServer
from .held import Ground
from .offer import Remote
from .peer import Peer
from .settings import ServerSettings, check_name, read


class Servers:
    """The servers by name, each with the task that keeps it up."""

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        file: Path,
        changed: Callable[[], None],
        ground: Ground | None = None,
    ) -> None:
        self._tasks, self._file, self._changed, self._ground = tasks, file, changed, ground
        self._peers: dict[str, Peer] = {}
        self._kept: dict[str, asyncio.Task[None]] = {}
        #: Those that were connected by a person, who may disconnect them.
        self._connected: dict[str, ServerSettings] = {}
        self._storing = asyncio.Lock()
        self._tools: dict[str, tuple[Peer, Remote]] = {}
        #: How often the tools have changed.
        self.changes = 0

    def start(self, configured: Mapping[str, ServerSettings], taken: Collection[str]) -> None:
        """Begin with what is configured and what was connected before.

        `taken` are the names of tools that there are. Raises `InvalidArgument` for a name that
        no server can have.
        """
        self._taken = {name.partition("_")[0] for name in taken}
        for name, settings in configured.items():
            self._check(name)
            self._keep(name, settings)
        for name, settings in self._stored().items():
            if name in self._peers:
                print(f"the server {name} is the configuration's now", file=sys.stderr)
                continue
            self._connected[name] = settings
            self._keep(name, settings)

    async def close(self) -> None:
        """Let all servers go."""
        for name in list(self._kept):
            await self._let_go(name)

    async def looked(self) -> None:
        """Wait for servers that are coming up, but not for long."""
        for peer in list(self._peers.values()):
            await peer.looked()

    def infos(self) -> list[ToolInfo]:
        """Return what the servers offer."""
        return [remote.info for _, remote in self._tools.values()]

    def find(self, name: str) -> tuple[Peer, Remote] | None:
        """Return a tool and its server."""
        return self._tools.get(name)

    def strange(self) -> list[str]:
        """Return the names of those whose state may hold a stranger's words."""
        return [
            name
            for name, peer in sorted(self._peers.items())
            if not (peer.settings.trusted or peer.state in ("ready", "connecting"))
        ]

    def ls(self) -> list[ToolServer]:
        """Return the servers, by name."""
        return [self._peers[name].info() for name in sorted(self._peers)]

    async def connect(self, name: str, settings: ServerSettings) -> ToolServer:
        """Connect a server from now on. Raises `DeviceError` where it does not come up: then
        nothing has changed."""
        self._check(name)
        if name in self._peers:
            raise AlreadyExists(f"there is a server {name} already")
        peer = self._keep(name, settings)
        try:
            await peer.settled.wait()
            if peer.state != "ready":
                raise DeviceError(f"the server {name} {peer.state}")
            self._connected[name] = settings
            await self._store()
        except BaseException:
            self._connected.pop(name, None)
            await self._let_go(name)
            raise
        return peer.info()

    async def disconnect(self, name: str) -> None:
        """Let a server go for good. Raises `NotFound`, or `InvalidArgument` for one that the
        configuration names."""
        if name not in self._peers:
            raise NotFound(f"there is no server {name!r}")
        if name not in self._connected:
            raise InvalidArgument(f"the server {name} is configured, or only just being connected")
        del self._connected[name]
        await self._let_go(name)
        await self._store()

    def _check(self, name: str) -> None:
        check_name(name)
        if name in self._taken:
            raise InvalidArgument(f"no server is named {name}: tools of ours begin with {name}_")

    def _keep(self, name: str, settings: ServerSettings) -> Peer:
        peer = self._peers[name] = Peer(name, settings, self._on_change, self._ground)
        self._kept[name] = self._tasks.create_task(peer.keep())
        return peer

    async def _let_go(self, name: str) -> None:
        if (peer := self._peers.pop(name, None)) is not None:
            peer.wanted = False
            task = self._kept.pop(name)
            task.cancel()
            await asyncio.wait([task])
        self._on_change()

    def _on_change(self) -> None:
        self._tools = {
            remote.info.name: (peer, remote)
            for peer in self._peers.values()
            for remote in peer.tools
        }
        self.changes += 1
        self._changed()

    def _stored(self) -> dict[str, ServerSettings]:
        try:
            held = json.loads(self._file.read_text())
            for name in held:
                self._check(name)
            return {name: read(values) for name, values in held.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, TypeError, InvalidArgument) as error:
            aside = self._file.with_suffix(".unreadable")
            print(f"{self._file}: {error}; kept as {aside.name}", file=sys.stderr)
            os.replace(self._file, aside)
            return {}

    async def _store(self) -> None:
        async with self._storing:
            text = json.dumps({name: one.model_dump() for name, one in self._connected.items()})
            await asyncio.to_thread(_write, self._file, text)


def _write(file: Path, text: str) -> None:
    """Write a file at once, for its owner's eyes: it may hold keys."""
    fresh = file.with_suffix(".new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    os.replace(fresh, file)
