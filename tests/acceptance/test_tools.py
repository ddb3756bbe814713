"""`aos tool`: what agents act with, as a person sees it."""

from __future__ import annotations

import pytest

from .conftest import House


def test_tools_are_listed_found_explained_and_called(house: House) -> None:
    listed = {one["name"]: one for one in house.aos("tool", "ls", "--json").json()}
    assert {"calculator", "http_fetch", "knowledge_search", "find_tools"} <= set(listed)
    assert "calculator" in house.aos("tool", "ls").out.split("\n")[1]
    found = house.aos("tool", "search", "-n", "2", "evaluate", "an", "expression", "--json").json()
    assert found[0]["name"] == "calculator" and len(found) <= 2
    explained = house.aos("tool", "show", "http_fetch").out
    assert "effect,untrusted, from built-in" in explained and '"url"' in explained
    assert house.aos("tool", "call", "calculator", "expression=6*7").out == "42\n"
    assert house.aos("tool", "call", "calculator", "expression=6*7", "--json").json()["text"] == (
        "42"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("call", "calculator", "expression=x"), 1, "error: not an arithmetic expression"),
        (("call", "calculator", "expression"), 2, "is no KEY=VALUE"),
        (("call", "calculater"), 1, "ENOENT"),
        (("call", "calculator", "x=1"), 1, "EINVAL"),
        (("show", "nothing"), 1, "ENOENT"),
        (("search",), 2, "Missing argument"),
        (("connect", "x"), 2, "a COMMAND after --, or a --url"),
        (("connect", "x", "--url", "ftp://h"), 1, "no http address"),
        (("connect", "x_y", "--url", "http://h"), 1, "no name of a server"),
        (("connect", "memory", "--url", "http://h"), 1, "tools of ours begin with memory_"),
        (("connect", "x", "--env", "A", "--", "true"), 2, "is no NAME=VALUE"),
        (("connect", "x", "--", "/no/program"), 1, "there is no program /no/program"),
        (("disconnect", "nobody"), 1, "ENOENT"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_with_a_code(
    house: House, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = house.aos("tool", *arguments, check=False)
    assert done.code == code and said in done.err and not done.out
    assert house.aos("tool", "servers", "--json").json() == []


def test_an_agent_connects_no_server(house: House) -> None:
    agent = house.program(
        "connects.py",
        "from llmagentos.syscalls.errors import PermissionDenied\n"
        "async def main(os, task):\n"
        "    print(await os.tool.servers())\n"
        "    try:\n"
        "        await os.tool.connect('evil', ['touch', '/tmp/evil'])\n"
        "    except PermissionDenied as error:\n"
        "        print(error.code)\n",
    )
    assert house.aos("run", agent).out == "[]\nEPERM\n"


def test_what_is_read_through_an_untrusted_tool_taints(house: House) -> None:
    agent = house.program(
        "reads.py",
        "async def main(os, task):\n"
        "    await os.tool.call('calculator', {'expression': '1+1'})\n"
        "    if task == 'shell':\n"
        "        await os.tool.call('shell', {'command': 'echo hello'})\n",
    )
    for task in ("nothing", "shell"):
        house.aos("run", "--name", f"reads-{task}", agent, "--task", task)
        seen = house.aos("inspect", f"reads-{task}", "--json").json()
        assert seen["tainted"] == (["shell"] if task == "shell" else [])


def test_the_kernel_knows_which_tools_have_an_effect(house: House) -> None:
    agent = house.program(
        "acts.py",
        "from llmagentos.syscalls.errors import PermissionDenied\n"
        "async def main(os, task):\n"
        "    print((await os.tool.call('calculator', {'expression': '1+1'})).text)\n"
        "    try:\n"
        "        await os.tool.call('file_write', {'path': 'f', 'text': 'x'})\n"
        "    except PermissionDenied as error:\n"
        "        print(error.code)\n",
    )
    assert house.aos("run", "--cap", "tool.call{effectless}", agent).out == "2\nEPERM\n"
