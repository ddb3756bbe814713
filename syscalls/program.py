"""An agent's process: finds the program's `main` and calls it with the operating system.

`main` is `async def main(os, task)`, or a plain function, which gets the same calls without
`await`. What it returns is the exit code, or is printed.

Interface:
    run(arguments, sock)    the process's entry; returns its exit code
    prepare                 makes, before a fork, what every process starts on
    renew                   makes it, after the fork, the process's own
    rehearse                does what every process does, once, before it is forked
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import random
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping
from inspect import CO_COROUTINE, CO_VARARGS
from os import _exit
from types import FunctionType, ModuleType
from typing import Any

import uvloop

from . import steady
from .blocking import BlockingOS
from .client import Client
from .codec import pack, pack_frame
from .errors import InvalidArgument, LLMAgentOSError
from .message import VERSION, Kind
from .os import OS
from .prepared import Prepared

#: Of the process in which `prepare` was called, and then of each copy.
_prepared: Prepared | None = None


class NoMain(InvalidArgument):
    """The program has no function to call."""


def run(arguments: Mapping[str, Any], sock: socket.socket) -> int:
    """Run `arguments["program"]`, a path or `module:function`, for `arguments["task"]`.

    An error that it does not catch is printed, by its own lines alone, and is a failure.
    """
    program, task = str(arguments["program"]), arguments.get("task")
    sys.argv = [program, *arguments.get("arguments", ())]
    if (seed := arguments.get("seed")) is not None:
        random.seed(seed)  # It is to throw the same dice whenever it runs again.
    try:
        main = _find(program)
        if not _is_coroutine(main):
            with BlockingOS(sock) as os:
                outcome = _call(main, os, task)
        elif _prepared is None:
            run = uvloop.run if seed is None else steady.run
            outcome = run(_await(main, sock, task, OS(_client())))
        else:
            run = _prepared.run if seed is None else _prepared.run_steady
            outcome = run(_await(main, sock, task, _prepared.os))
    except NoMain as error:
        print(f"aos: {error}", file=sys.stderr)
        return 126
    except Exception as error:
        from .fault import told

        print(told(error), end="", file=sys.stderr)
        return 1
    return _exit_code(outcome)


def prepare() -> None:
    """Make what the programs of this process's copies start on."""
    global _prepared
    try:
        _prepared = Prepared(_client())
    except AttributeError:
        _prepared = None


def renew() -> None:
    """Share nothing of what was prepared with the process that this one is a copy of."""
    if _prepared is not None:
        _prepared.renew()


def rehearse() -> None:
    """Make one call on a loop of each kind, with an answer that is no kernel's.

    Python finds, loads and specialises a good deal when code runs for the first time. Done before
    a fork, it is done once, and the pages that hold it stay shared.
    """
    for run in (uvloop.run, steady.run):
        _rehearse(run)


def _rehearse(run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
    ours, theirs = socket.socketpair()
    answer = pack_frame((VERSION, Kind.REPLY, 1), pack(0.0))

    async def main(os: OS) -> None:
        asyncio.get_running_loop().add_reader(theirs, lambda: theirs.send(answer))
        await os.clock.now()
        asyncio.get_running_loop().remove_reader(theirs)

    with theirs:
        run(_await(main, ours, None, OS(_client())))


async def _await(main: Callable[..., Any], sock: socket.socket, task: str | None, os: OS) -> Any:
    await os.client.open(sock)
    try:
        return await _call(main, os, task)
    finally:
        os.client.on_lost = None
        os.client.close()


def _client() -> Client:
    client = Client()
    client.on_lost = _leave
    return client


def _leave(error: LLMAgentOSError) -> None:
    """End at once: whoever has no kernel is about to be killed, and a thousand that first tell
    their programs so keep the next kernel waiting."""
    print(f"aos: {error}", file=sys.stderr)
    _exit(1)


def _is_coroutine(main: Callable[..., Any]) -> bool:
    # `inspect` asks many questions before this one.
    if type(main) is FunctionType and main.__code__.co_flags & CO_COROUTINE:
        return True
    return inspect.iscoroutinefunction(main)


def _call(main: Callable[..., Any], os: Any, task: str | None) -> Any:
    """Call `main` with as many of (os, task) as it takes."""
    # To ask `inspect` costs more memory than everything else that a program needs to start.
    if isinstance(main, FunctionType) and not main.__code__.co_flags & CO_VARARGS:
        takes = main.__code__.co_argcount
    else:
        takes = len(inspect.signature(main).parameters)
    return main(*(os, task)[:takes])


def _find(program: str) -> Callable[..., Any]:
    module, name = _load(program)
    main = getattr(module, name, None)
    if not callable(main):
        raise NoMain(f"{program} has no function {name}(os, task)")
    found: Callable[..., Any] = main
    return found


def _load(program: str) -> tuple[ModuleType, str]:
    if not program.startswith("/"):
        name, _, function = program.partition(":")
        return importlib.import_module(name), function
    # Its neighbours can be imported, as when Python runs a script.
    sys.path.insert(0, program.rpartition("/")[0] or "/")
    # Without the machinery of imports, which looks for compiled files that a sandbox cannot write.
    module = sys.modules["agent"] = ModuleType("agent")
    module.__file__ = program
    with open(program, "rb", buffering=0) as file:
        text = file.read()
    exec(compile(text, program, "exec"), vars(module))
    return module, "main"


def _exit_code(outcome: Any) -> int:
    if outcome is None or isinstance(outcome, bool):
        return 0 if outcome in (None, True) else 1
    if isinstance(outcome, int):
        return outcome
    print(outcome)
    return 0
