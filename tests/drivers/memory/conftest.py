"""A memory driver over a real file, without a kernel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from llmagentos.drivers.memory.driver import MemoryDriver
from llmagentos.syscalls.host import Host
from llmagentos.syscalls.os import OS

Opened = Callable[[], AbstractAsyncContextManager[MemoryDriver]]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    @asynccontextmanager
    async def open_driver() -> AsyncIterator[MemoryDriver]:
        driver = MemoryDriver()
        await driver.setup(
            Host(
                os=cast(OS, None),
                state=tmp_path,
                config=cast(Any, {}),
                tasks=asyncio.TaskGroup(),
                homes=tmp_path,
            )
        )
        try:
            yield driver
        finally:
            await driver.teardown()

    return open_driver
