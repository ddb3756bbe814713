"""A driver's, service's or plugin's process: builds the interface, says so, serves it.

Interface:
    Host                    what an interface's `setup` is given
    check_settings          refuses settings that an interface does not have
    run(arguments, sock)    the process's entry; returns its exit code
"""

from __future__ import annotations

import asyncio
import importlib
import signal
import socket
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

from .client import Client
from .errors import InvalidArgument, LLMAgentOSError
from .interface import Interface
from .os import OS
from .server import Caller, Server
from .table import describe


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What an interface's `setup` is given."""

    #: The operating system, with the provider's own rights; `os.on_behalf` for the caller's.
    os: OS
    #: A folder of its own that outlives the process.
    state: Path
    #: Its part of the configuration.
    config: Mapping[str, Any]
    #: What runs beside the calls; a failing task ends the process, which is then restarted.
    tasks: asyncio.TaskGroup
    #: The folder of all agents' homes, `principal/name`; each holds its own files.
    homes: Path
    #: A filter of system calls for a stranger's program, as seccomp takes it; empty where this
    #: machine has none.
    seccomp: bytes = b""

    async def home(self, who: Caller) -> Path:
        """Return a caller's own folder, which the kernel knows. Takes `process.inspect`."""
        said = (await self.os.process.inspect(who.pid)).home
        # A session has no folder of its own and uses its principal's.
        return Path(said) if said else self.homes / who.principal / "session"


def load(entry: str) -> type[Interface]:
    """Return the class that `module:name` stands for. Raises `InvalidArgument`."""
    module, _, name = entry.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InvalidArgument(f"{entry} cannot be loaded: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Interface)):
        raise InvalidArgument(f"{entry} is no Interface")
    return found


def check_settings(interface: type[Interface], given: Iterable[str]) -> None:
    """Raise `InvalidArgument` for a setting that an interface does not have, with those it has."""
    if interface.SETTINGS is None:
        return
    for name in given:
        if name not in interface.SETTINGS:
            from .section import unknown

            raise InvalidArgument(unknown(name, interface.SETTINGS))


def run(arguments: Mapping[str, Any], sock: socket.socket) -> int:
    """Serve the interface that `arguments["entry"]` names until the kernel hangs up."""
    import uvloop

    failures: list[str] = []
    _hide(arguments.get("secrets", ()))
    try:
        uvloop.run(_serve(arguments, sock))
    except* _Done:
        pass
    except* LLMAgentOSError as group:
        failures.extend(str(one) for one in _single(group))
    except* Exception as group:
        traceback.print_exception(group)
        failures.extend(f"{type(one).__name__}: {one}" for one in _single(group))
    # The last line is what people are shown for a reason.
    for failure in failures:
        print(f"{arguments['entry']}: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _single(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """Yield the errors of a group, and of the groups in it."""
    for one in group.exceptions:
        if isinstance(one, BaseExceptionGroup):
            yield from _single(one)
        else:
            yield one


class _Hiding:
    """Writes to where it stands for, without secrets that a program was told."""

    def __init__(self, stream: TextIO, secrets: Sequence[str]) -> None:
        self._stream = stream
        self._secrets = sorted(secrets, key=len, reverse=True)

    def write(self, text: str) -> int:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return self._stream.write(text)

    def writelines(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _hide(secrets: Sequence[str]) -> None:
    """Keep secrets out of what this process writes to its log."""
    if secrets:
        sys.stdout = cast(TextIO, _Hiding(sys.stdout, secrets))
        sys.stderr = cast(TextIO, _Hiding(sys.stderr, secrets))


async def _serve(arguments: Mapping[str, Any], sock: socket.socket) -> None:
    kind = load(arguments["entry"])
    check_settings(kind, arguments.get("config", {}))
    interface = kind()
    client = Client()
    async with asyncio.TaskGroup() as tasks:
        host = Host(
            os=OS(client),
            state=Path(arguments["state"]),
            homes=Path(arguments["homes"]),
            config=arguments.get("config", {}),
            tasks=tasks,
            seccomp=arguments.get("seccomp", b""),
        )
        Server(tasks, interface).attach(client)
        await client.open(sock)
        host.state.mkdir(parents=True, exist_ok=True)
        await interface.setup(host)
        await host.os.system.provide(describe(type(interface)))
        await host.os.system.ready()
        # Until here there was nothing to end in good order: a signal was the end.
        done = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, done.set)
        lost = tasks.create_task(client.lost.wait())
        ended = tasks.create_task(done.wait())
        await asyncio.wait([lost, ended], return_when=asyncio.FIRST_COMPLETED)
        for task in (lost, ended):
            task.cancel()
        await interface.teardown()
        client.close()
        raise _Done from None


class _Done(Exception):
    """Ends the group, with whatever the interface started in it."""
