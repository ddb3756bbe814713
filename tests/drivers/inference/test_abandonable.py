"""Work that takes long is waited for by whoever asked, and by no process that ends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from llmagentos.drivers.inference.abandonable import abandonable


def test_result_and_error_come_back() -> None:
    async def scene() -> None:
        assert await abandonable(lambda: threading.current_thread().name) == "abandonable"
        with pytest.raises(ZeroDivisionError):
            await abandonable(lambda: 1 // 0)

    asyncio.run(scene())


def test_process_ends_while_work_goes_on() -> None:
    program = """
import asyncio, threading
from llmagentos.drivers.inference.abandonable import abandonable

async def main():
    begun = threading.Event()
    work = asyncio.create_task(abandonable(lambda: (begun.set(), threading.Event().wait())))
    await asyncio.to_thread(begun.wait)
    work.cancel()

asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
