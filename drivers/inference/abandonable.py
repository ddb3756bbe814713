"""Work of minutes, such as reading a large model, that no process waits for at its end.

Interface:
    abandonable     runs it aside from the event loop
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def abandonable(work: Callable[[], T]) -> T:
    """Return what a function returns, or raise what it raises, from a thread of its own.

    Unlike one of the loop's executor, it does not hold up a process that is asked to end.
    """
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(result)

    threading.Thread(target=run, name="abandonable", daemon=True).start()
    return await asyncio.wrap_future(done)
