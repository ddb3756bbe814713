"""What a program starts on, made before its process is forked.

To make a loop and the calls over a client takes a fifth of all the memory that a process would have
for itself; made before the fork, they are shared until they change.

Interface:
    Prepared        a loop, a client and the calls over it: `renew` them after the fork, then `run`
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

_address = ctypes.pythonapi.PyCapsule_GetPointer
_address.restype, _address.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)


class Prepared:
    """A loop that has not run yet, and the calls over a client that has no connection yet."""

    def __init__(self) -> None:
        """Raises AttributeError where libuv is not part of uvloop and cannot be called."""
        self._renew = ctypes.PyDLL(uvloop.loop.__file__).uv_loop_fork
        self._renew.argtypes = (ctypes.c_void_p,)
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._loop = self._runner.get_loop()
        self._where = _address(libuv_get_loop_t_ptr(self._loop), None)
        self.client = Client()
        self.os = OS(self.client)
        for interface in OURS:
            getattr(self.os, interface.interface_name)

    def renew(self) -> None:
        """Give the loop descriptors of its own, in a copy of the process that made it."""
        if self._renew(self._where) != 0:
            raise OSError("the event loop cannot be renewed")

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run `work` and end the loop, as `asyncio.run` does.

        Of `asyncio.Runner` only the end is used: to ask `signal` for a handler, as it does before,
        touches more memory than the loop itself.
        """
        task = self._loop.create_task(work)
        interrupted = False

        def interrupt(number: int, frame: FrameType | None) -> None:
            nonlocal interrupted
            if interrupted or task.done():
                raise KeyboardInterrupt
            interrupted = True
            task.cancel()
            self._loop.call_soon_threadsafe(lambda: None)  # It may be waiting.

        signal(SIGINT, interrupt)
        try:
            return self._loop.run_until_complete(task)
        except CancelledError:
            if interrupted and task.uncancel() == 0:
                raise KeyboardInterrupt from None
            raise
        finally:
            signal(SIGINT, default_int_handler)
            self._runner.close()
