"""The inference driver is killed in the middle of many streams: each ends, and service goes on."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable

from .conftest import House

STREAMS = 32
MANY = f"""
import asyncio, collections, json
from llmagentos.syscalls.errors import LLMAgentOSError

async def main(os, task):
    begun, told, ends = asyncio.Event(), asyncio.Event(), collections.Counter()

    async def one(number):
        try:
            async for chunk in os.model.stream(
                [{{"role": "user", "content": f"Tell {{number}}"}}],
                max_tokens=2000, temperature=5.0, seed=number,
            ):
                begun.set()
                await told.wait()  # what nobody reads does not come to its end
            ends["whole"] += 1
        except LLMAgentOSError as error:
            ends[error.code] += 1

    streams = [asyncio.create_task(one(number)) for number in range({STREAMS})]
    await begun.wait()
    print("begun", flush=True)
    await os.ipc.recv()
    told.set()
    await asyncio.gather(*streams)
    print(json.dumps(ends), flush=True)
    reply = await os.model.chat([{{"role": "user", "content": "hello"}}], max_tokens=4)
    print("then", reply.finish_reason, flush=True)
"""


def test_an_engine_that_is_killed_ends_its_streams_and_comes_back(
    make_house: Callable[..., House],
) -> None:
    house = make_house()
    house.aos("start")
    house.when_ready()
    pid = house.aos("run", "-d", house.program("many.py", MANY)).out.strip()
    house.first_line(pid)
    listed = house.aos("ps", "--all", "--json").json()
    [driver] = [one for one in listed if one["name"] == "inference" and one["os_pid"]]
    os.kill(driver["os_pid"], signal.SIGKILL)
    house.aos("call", "ipc.send", f"to={pid}", "body=the engine is dead")
    assert house.aos("wait", pid).code == 0
    said = house.aos("logs", pid).out.splitlines()
    assert said[0] == "begun" and said[2].startswith("then")
    ends = json.loads(said[1])
    assert sum(ends.values()) == STREAMS and ends["EDEVICE"] > 0
    assert set(ends) <= {"EDEVICE", "whole"}
