from __future__ import annotations

import asyncio
import os

from llmagentos.syscalls.steady import SteadyLoop, run


def test_what_is_delivered_comes_one_by_one_once_all_else_is_done() -> None:
    told: list[str] = []
    ended = asyncio.Event()

    async def after(name: str) -> None:
        told.append(name)
        for _ in range(3):
            await asyncio.sleep(0)
        told.append(f"{name} done")
        if name == "second":
            ended.set()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SteadyLoop)
        for name in ("first", "second"):
            loop.deliver(lambda name=name: loop.create_task(after(name)))  # type: ignore[misc]
        await ended.wait()

    run(main())
    assert told == ["first", "first done", "second", "second done"]


def test_renewed_loop_works_in_a_copy_of_its_process_and_shares_no_descriptor() -> None:
    before = set(os.listdir("/proc/self/fd"))
    loop = SteadyLoop()
    loop.close()
    assert set(os.listdir("/proc/self/fd")) == before

    async def main() -> int:
        child = await asyncio.create_subprocess_exec("sh", "-c", "exit 3")
        return await asyncio.to_thread(lambda: 4) + await child.wait()

    child = os.fork()
    if child == 0:
        loop.renew()
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            os._exit(runner.run(main()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
