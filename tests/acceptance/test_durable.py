"""A kernel killed under its callers is back before they notice, and durable agents with it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from .conftest import House

AOS = [sys.executable, "-c", "from llmagentos.services.shell.main import main; main()"]
#: Sells three things, each by a tool with an effect; bread after the first when it is told to.
SELLER = """
from llmagentos.syscalls.errors import InDoubt

async def main(os, task):
    print("dice", await os.clock.random(4), flush=True)
    for number in range(3):
        try:
            await os.memory.write(f"sold {number} of {task}")
            print("sold", number, flush=True)
        except InDoubt:
            print("in doubt", number, flush=True)
        if task == "bread" and not number:
            await os.ipc.recv()
        await os.clock.sleep(0.1)
    print("done")
"""


@pytest.fixture(scope="module")
def light(make_house: Callable[..., House]) -> Iterator[House]:
    """A house without a model."""
    made = make_house(LLMAGENTOS_DRIVERS__INFERENCE__ENABLED="false")
    made.aos("start")
    made.when_ready()
    yield made


def kernel(house: House) -> int:
    return int(house.status()["os_pid"])


@pytest.mark.slow
def test_run_goes_on_while_its_kernel_is_killed(light: House) -> None:
    program, victim = light.program("seller.py", SELLER), kernel(light)
    running = subprocess.Popen(
        [*AOS, "run", "--durable", "--name", "seller", program, "--task", "bread"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=light.environment,
    )
    assert running.stdout is not None
    dice, first = running.stdout.readline(), running.stdout.readline()
    assert first == "sold 0\n"
    os.kill(victim, signal.SIGKILL)
    pid = next(
        one["pid"] for one in light.aos("ps", "-a", "--json").json() if one["name"] == "seller"
    )
    light.aos("call", "ipc.send", f"to={pid}", "body=go on")
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    lines = out.splitlines()
    assert lines[-1] == "done" and not any(line.startswith("dice") for line in lines)
    whole = light.aos("logs", str(pid)).out.splitlines()
    assert whole[:2] == [dice.strip(), "sold 0"] and whole[2:] == lines
    found = light.aos("inspect", str(pid), "--json").json()
    assert (found["incarnation"], found["exit_code"]) == (2, 0)
    history = [
        json.loads(line) for line in light.aos("history", str(pid), "--json").out.splitlines()
    ]
    assert [one["syscall"] for one in history].count("memory.write") == 3
    replayed = light.aos("replay", str(pid))
    assert replayed.out.splitlines() == whole and "it wrote the same" in replayed.err


@pytest.mark.slow
def test_callers_of_a_killed_kernel_wait_and_are_answered(light: House) -> None:
    light.when_ready()
    url = light.status()["url"]
    service = next(one for one in light.aos("service", "--json").json() if one["name"] == "gateway")
    gateway = light.aos("inspect", "--json", str(service["pid"])).json()["os_pid"]
    with open(os.pidfd_open(gateway)) as ended:
        os.kill(kernel(light), signal.SIGKILL)
        # What it has taken just before its end goes with it.
        select.select([ended], [], [])
    with urllib.request.urlopen(f"{url}/healthz", timeout=60) as answer:
        assert answer.status == 200
    assert light.when_ready()["url"] == url
    # One that is asked to end does.
    light.aos("stop")
    assert light.aos("status", check=False).code == 125
    light.aos("start")
    light.when_ready()


@pytest.mark.slow
def test_agent_goes_on_where_another_one_was(light: House) -> None:
    program = light.program("seller.py", SELLER)
    pid = light.aos("run", "-d", "--durable", program, "--task", "milk").out.strip()
    light.aos("wait", pid)
    fork = light.aos("fork", pid, "--at", "2").out.strip()
    light.aos("wait", fork)
    first, second = (light.aos("logs", one).out.splitlines() for one in (pid, fork))
    assert first == second
    calls = [
        [json.loads(line) for line in light.aos("history", one, "--json").out.splitlines()]
        for one in (pid, fork)
    ]
    assert [one["result"] for one in calls[0][:2]] == [one["result"] for one in calls[1][:2]]
    refused = light.aos("fork", pid, "--at", "99", check=False)
    assert "EINVAL" in refused.err and "has made 7 calls" in refused.err
    assert "ENOENT" in light.aos("replay", "99999", check=False).err


@pytest.mark.slow
def test_agents_file_makes_it_durable(light: House) -> None:
    file = light.program(
        "keeper.toml",
        'name = "keeper"\ngoal = "wait"\ndurable = true\ncapabilities = ["clock.*"]\n',
    )
    pid = light.aos("run", "-d", file).out.strip()
    assert light.aos("inspect", pid, "--json").json()["durable"]
    light.aos("kill", pid, check=False)
