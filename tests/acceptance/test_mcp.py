"""Servers of tools through the whole house: configured, connected by hand, and kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

from .conftest import ROOT, House

HOSTILE = str(ROOT / "tests/drivers/tools/mcp/hostile.py")


@pytest.fixture(scope="module")
def served(make_house: Callable[..., House]) -> House:
    """A house whose configuration names the public time server, two calls a minute."""
    settings = {"command": [sys.executable, "-m", "mcp_server_time"], "rate": 2}
    made = make_house(
        LLMAGENTOS_DRIVERS__INFERENCE__ENABLED="false",
        LLMAGENTOS_SERVICES__GATEWAY__ENABLED="false",
        LLMAGENTOS_DRIVERS__TOOLS__SETTINGS__MCP__TIME=json.dumps(settings),
    )
    made.aos("start")
    return made


def connect_hostile(house: House) -> None:
    house.aos("tool", "connect", "h", "--", sys.executable, HOSTILE, str(house.state))


def test_an_agent_uses_a_configured_server_within_its_rate(served: House) -> None:
    agent = served.program(
        "asks.py",
        "from llmagentos.syscalls.errors import TryAgain\n"
        "async def main(os, task):\n"
        "    (found,) = await os.tool.search('the current time in a zone', 1)\n"
        "    while True:\n"
        "        try:\n"
        "            result = await os.tool.call(found.name, {'timezone': 'Asia/Tokyo'})\n"
        "            print(result.data['timezone'], result.sources)\n"
        "        except TryAgain as error:\n"
        "            return print(error.code, error.details['retry_after'] > 1)\n",
    )
    said = served.aos("run", "--name", "asks", agent).out.splitlines()
    assert said == ["Asia/Tokyo ['mcp:time']"] * 2 + ["EAGAIN True"]
    inspected = served.aos("inspect", "asks", "--json").out
    assert "time_get_current_time: mcp:time" in inspected


def test_a_connected_server_outlives_the_daemon_until_it_is_let_go(served: House) -> None:
    connect_hostile(served)
    assert served.aos("tool", "call", "h_echo", "text=hi").out == "hi\n"
    served.aos("restart")
    rows = served.aos("tool", "servers", "--json").json()
    assert [one["name"] for one in rows] == ["h", "time"]
    assert served.aos("tool", "call", "h_echo", "text=again").out == "again\n"
    assert "h_echo" in served.aos("tool", "ls", "--server", "h").out
    done = served.aos("tool", "disconnect", "time", check=False)
    assert done.code == 1 and "is configured" in done.err
    assert served.aos("tool", "disconnect", "h", "--json").json() == {"disconnected": "h"}
    assert "h_echo" not in served.aos("tool", "ls").out


def test_a_hostile_server_ends_no_house(served: House) -> None:
    connect_hostile(served)
    slow = served.aos("tool", "call", "h_slow", "--timeout", "0.5", check=False)
    assert slow.code == 124 and "ETIMEDOUT" in slow.err
    lie = served.aos("tool", "call", "h_liar", check=False)
    assert lie.code == 1 and "not what it declares" in lie.err
    huge = served.aos("tool", "call", "h_huge", "size=9000000", check=False)
    assert huge.code == 1 and "more than" in huge.err
    assert len(served.aos("tool", "call", "h_huge", "size=1000000").out) < 300_000
    died = served.aos("tool", "call", "h_die", check=False)
    assert died.code == 1 and "EDEVICE" in died.err
    assert served.aos("tool", "call", "calculator", "expression=6*7").out == "42\n"
    served.aos("tool", "disconnect", "h")
