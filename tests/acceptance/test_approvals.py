"""A person answers what agents ask, at a terminal and over HTTP, against a real daemon."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from .conftest import House
from .test_http import Http

AOS = [sys.executable, "-c", "from llmagentos.services.shell.main import main; main()"]
PROGRAM = """
from llmagentos.syscalls.errors import LLMAgentOSError

async def main(os, task):
    for expression in task.split():
        try:
            print((await os.tool.call("calculator", {"expression": expression})).text)
        except LLMAgentOSError as error:
            print(error)
"""
NEWS = """
async def main(os):
    await os.ipc.publish("news", {"text": "one\\ntwo\\x1b[2K", "n": 1})
"""


class Events:
    """What is asked from now on, as `aos events` says it."""

    def __init__(self, house: House) -> None:
        past = house.aos("events", "--no-follow", "--tail", "1000", "--json").out.splitlines()
        #: What other tests have asked.
        self._old = [one["details"] for one in map(json.loads, past)]
        self._following = subprocess.Popen(
            [*AOS, "events", "--json"], stdout=subprocess.PIPE, text=True, env=house.environment
        )
        assert self._following.stdout is not None
        self._lines = self._following.stdout

    def asked(self, pid: str) -> str:
        """Wait until a process asks, and return which approval it waits for."""
        for line in self._lines:
            event = json.loads(line)
            new = event["kind"] == "approval.asked" and event["details"] not in self._old
            if new and pid in ("", str(event["pid"])):
                self._old.append(event["details"])
                return str(event["details"]["id"])
        raise AssertionError("the daemon has gone")

    def close(self) -> None:
        self._following.kill()
        self._following.wait()
        self._lines.close()


@pytest.fixture
def events(house: House) -> Iterator[Events]:
    made = Events(house)
    yield made
    made.close()


@pytest.mark.slow
def test_agent_waits_for_its_person_who_allows_denies_or_allows_for_good(
    house: House, events: Events
) -> None:
    program = house.program("sums.py", PROGRAM)
    pid = house.aos(
        "run", "-d", "--name", "sums", "--cap", "tool.call:calculator?", program,
        "--task", "1+1 2+2 3+3 4+4 5+5",
    ).out.strip()  # fmt: skip
    first = events.asked(pid)
    shown = house.aos("approvals").out
    assert f"{first}  sums (process {pid}) asks for tool.call:calculator" in shown
    assert "arguments.expression = 1+1" in shown and "then it is denied" in shown
    assert house.aos("approve", first).out.strip() == first
    second = events.asked(pid)
    house.aos("deny", second, "sums are not wanted")
    house.aos("approve", "--always", events.asked(pid))
    assert house.aos("wait", pid).out.strip() == "0"
    assert house.aos("logs", pid).out.splitlines() == [
        "2",
        "EPERM: tool.call:calculator was denied: sums are not wanted",
        "6",
        "8",
        "10",
    ]
    past = [json.loads(line) for line in house.aos("history", pid, "--json").out.splitlines()]
    assert [one["outcome"] for one in past] == ["ok", "EPERM", "ok", "ok", "ok"]
    assert past[0]["arguments"]["arguments"] == {"expression": "1+1"}
    assert "tool.call" in house.aos("history", "--after", "4", "sums").out
    late = house.aos("approve", second, check=False)
    assert late.code == 1 and "ENOENT" in late.err


def test_strangers_text_cannot_pass_for_ours_on_the_terminal(house: House, events: Events) -> None:
    pid = house.aos("run", "-d", "--cap", "ipc.publish?", house.program("news.py", NEWS)).out
    id = events.asked(pid.strip())
    shown = house.aos("approvals").out
    assert "body.text = one\n      | two\N{REPLACEMENT CHARACTER}[2K\n" in shown
    assert "\x1b[2K" not in shown and "body.n = 1" in shown
    house.aos("deny", id)
    house.aos("wait", pid.strip(), check=False)


def test_whoever_runs_an_agent_in_the_foreground_is_told_what_to_type(
    house: House, events: Events
) -> None:
    program = house.program("sums.py", PROGRAM)
    command = ["run", "--cap", "tool.call?", program, "--task", "1+1"]
    with ThreadPoolExecutor() as pool:
        running = pool.submit(house.aos, *command)
        id = events.asked("")
        house.aos("approve", id)
        done = running.result()
    assert done.out == "2\n"
    assert f"ASKED: aos approve {id}, or aos deny {id}" in done.err


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("approve",), 2),
        (("approve", "x"), 2),
        (("approve", "0"), 2),
        (("approve", "999999"), 1),
        (("deny", "999999", "why"), 1),
    ],
)
def test_answer_to_nothing_is_one_line_and_an_exit_code(
    house: House, command: tuple[str, ...], code: int
) -> None:
    done = house.aos(*command, check=False)
    assert done.code == code and done.err


def test_inspect_shows_what_has_tainted_an_agent(house: House) -> None:
    program = house.program(
        "reads.py",
        "async def main(os):\n    await os.tool.call('python', {'code': 'print(1)'})\n",
    )
    house.aos("run", "--name", "reads", program)
    info = house.aos("inspect", "reads", "--json").json()
    assert info["tainted"] and all("python" in one for one in info["tainted"])
    assert "tainted" in house.aos("inspect", "reads").out


def test_call_over_http_waits_and_is_answered_over_http(house: House, events: Events) -> None:
    url = house.when_ready()["url"]
    asks = Http(url, house.aos("token", "create", "asks", "--cap", "ipc.publish?").out.strip())
    caps = ("--cap", "approval.*", "--cap", "ipc.*")
    answers = Http(url, house.aos("token", "create", "answers", *caps).out.strip())
    for allow, status in ((True, 200), (False, 403)):
        with ThreadPoolExecutor() as pool:
            asking = pool.submit(asks.post, "ipc.publish", {"topic": "a", "body": 1})
            id = int(events.asked(""))
            assert asks.post("approval.answer", {"id": id, "allow": True})[0] == 403
            listed = answers.post("approval.ls")[1]["result"]
            assert [one["id"] for one in listed] == [id]
            said = answers.post("approval.answer", {"id": id, "allow": allow, "reason": "so"})
            assert said[0] == 200 and said[1]["result"]["syscall"] == "ipc.publish"
            assert asking.result()[0] == status
    assert "/api/v1/syscalls/approval.answer" in asks.get("/openapi.json")
