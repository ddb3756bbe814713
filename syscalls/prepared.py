"""What a program starts on, made before its process is forked.

To make a loop and the calls over a client takes a fifth of all the memory that a process would have
for itself; made before the fork, they are shared until they change.

Interface:
    Prepared        a client, the calls over it and loops: `renew` them after the fork, then `run`
                    or `run_steady`
"""

from __future__ import annotations

import asyncio
import ctypes
from _signal import SIGINT, default_int_handler, signal  # type: ignore[import-not-found]
from asyncio import CancelledError
from collections.abc import Coroutine
from types import FrameType
from typing import Any

import uvloop
from uvloop.loop import libuv_get_loop_t_ptr  # type: ignore[attr-defined]

from .client import Client
from .os import OS, OURS
from .steady import SteadyLoop

_address = ctypes.pythonapi.PyCapsule_GetPointer
_address.restype, _address.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)


class Prepared:
    """Calls over a client that has no connection yet, and a loop of each kind that has not run."""

    def __init__(self, client: Client) -> None:
        """Raises AttributeError where libuv is not part of uvloop and cannot be called."""
        self._fork = ctypes.PyDLL(uvloop.loop.__file__).uv_loop_fork
        self._fork.argtypes = (ctypes.c_void_p,)
        self._quick, self._steady = uvloop.new_event_loop(), SteadyLoop()
        self._where = _address(libuv_get_loop_t_ptr(self._quick), None)
        self._steady.close()
        self.os = OS(client)
        for interface in OURS:
            getattr(self.os, interface.interface_name)

    def renew(self) -> None:
        """Share no descriptor with the process that this one is a copy of."""
        if self._fork(self._where) != 0:
            raise OSError("the event loop cannot be renewed")

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run `work` and end the loop, as `asyncio.run` does."""
        return _run(self._quick, work)

    def run_steady(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run `work` as `run` does, on a `SteadyLoop`."""
        self._steady.renew()
        return _run(self._steady, work)


def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> Any:
    """Run `work` and end the loop.

    Of `asyncio.Runner` only the end is used: to ask `signal` for a handler, as it does before,
    touches more memory than the loop itself.
    """
    task = loop.create_task(work)
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if interrupted or task.done():
            raise KeyboardInterrupt
        interrupted = True
        task.cancel()
        loop.call_soon_threadsafe(lambda: None)  # It may be waiting.

    signal(SIGINT, interrupt)
    try:
        return loop.run_until_complete(task)
    except CancelledError:
        if interrupted and task.uncancel() == 0:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal(SIGINT, default_int_handler)
        with asyncio.Runner(loop_factory=lambda: loop) as ending:
            ending.get_loop()
