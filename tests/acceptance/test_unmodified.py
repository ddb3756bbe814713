"""Programs without a line about LLMAgentOS, run as its processes."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, House
from .upstream import Upstream

AOS = [sys.executable, "-c", "from llmagentos.services.shell.main import main; main()"]
#: What the device runs from the start.
MODEL = "LLMAGENTOS_DRIVERS__INFERENCE__SETTINGS__MODEL"
#: What the programs below have in common: they know a URL and a key, as OpenAI's clients do.
ASK = """
import json, os, sys, urllib.error, urllib.request

def ask(text, **more):
    body = {"model": os.environ["OPENAI_MODEL"], "messages": [{"role": "user", "content": text}]}
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        data=json.dumps({**body, **more}).encode(),
        headers={"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"],
                 "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["choices"][0]["message"]["content"]
    except urllib.error.HTTPError as error:
        return json.load(error)["error"]["code"]

def say(text): print(text, flush=True)
"""


@pytest.fixture(scope="module")
def remote() -> Iterator[Upstream]:
    made = Upstream()
    yield made
    made.close()


@pytest.fixture(scope="module")
def house(make_house: Callable[..., House], remote: Upstream) -> House:
    made = make_house(**{MODEL: remote.url})
    made.aos("start")
    made.when_ready()
    return made


@pytest.fixture
def upstream(remote: Upstream) -> Iterator[Upstream]:
    """The model, open and as if nobody had asked it anything."""
    remote.asked.clear()
    remote.broken = 0
    yield remote
    remote.open.set()


def program(house: House, name: str, text: str) -> list[str]:
    """Return the command of a program with a folder of its own."""
    path = house.program(f"{name}.py", ASK + text)
    return ["--name", name, "--", sys.executable, path]


def info(house: House, pid: str) -> Any:
    return house.aos("inspect", pid, "--json").json()


def begin(house: House, *command: str) -> tuple[str, subprocess.Popen[str]]:
    """Start a program; return its pid and what follows its output."""
    pid = house.aos("run", "-d", *command).out.strip()
    follow = subprocess.Popen(
        [*AOS, "logs", "-f", pid], stdout=subprocess.PIPE, text=True, env=house.environment
    )
    return pid, follow


def test_program_is_charged_for_what_it_asks_and_held_in_all_its_layers(
    house: House, upstream: Upstream
) -> None:
    command = program(house, "two", "say(ask('one')); say(ask('two'))")
    done = house.aos("run", *command)
    assert done.out == "Well said.\n" * 2
    assert done.err.count("model.chat") == 2
    assert upstream.asked == ["one", "two"]
    found = info(house, "two")
    assert found["usage"]["tokens"] == 8 and found["syscalls"] == 2
    if "unavailable" not in found["sandbox"].values():
        assert set(found["sandbox"].values()) == {"enforced"}


def test_key_stands_for_its_process_and_dies_with_it(house: House, upstream: Upstream) -> None:
    text = "say(os.environ['OPENAI_API_KEY']); ask('x'); say(sys.stdin.read() + 'over')"
    key = house.aos("run", "-q", *program(house, "key", text)).out.split()[0]
    url = house.status()["url"]
    request = urllib.request.Request(f"{url}/v1/models", headers={"Authorization": f"Bearer {key}"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    with refused.value:
        assert refused.value.code == 401
    assert upstream.asked == ["x"]


def test_budget_ends_in_an_error_that_clients_know(house: House, upstream: Upstream) -> None:
    text = "while (said := ask('hello', max_tokens=8)) == 'Well said.': say(said)\nsay(said)"
    done = house.aos("run", "-q", "--max-tokens", "300", *program(house, "poor", text))
    *_, last = done.out.split("\n")[:-1]
    assert last == "insufficient_quota" and "Well said." in done.out
    spent = info(house, "poor")["usage"]["tokens"]
    assert spent == 4 * len(upstream.asked) <= 300


def test_right_that_a_program_lacks_is_an_error_that_clients_know(house: House) -> None:
    command = program(house, "none", "say(ask('hello'))")
    assert house.aos("run", "-q", "--cap", "clock.*", *command).out == "permission_denied\n"


def test_suspended_program_asks_nothing_while_others_go_on(
    house: House, upstream: Upstream
) -> None:
    upstream.open.clear()
    command = program(house, "patient", "say('ready'); say(ask('patient')); say(ask('again'))")
    pid, follow = begin(house, *command)
    upstream.when(asked=1)
    house.aos("suspend", pid)
    assert info(house, pid)["state"] == "suspended"
    upstream.open.set()
    other = house.aos("run", "-q", *program(house, "other", "say(ask('other'))"))
    assert other.out == "Well said.\n"
    assert upstream.asked == ["patient", "other"]
    house.aos("resume", pid)
    assert house.aos("wait", pid).code == 0
    assert follow.communicate(timeout=60)[0] == "ready\nWell said.\nWell said.\n"
    assert upstream.asked == ["patient", "other", "again"]
    assert info(house, pid)["usage"]["tokens"] == 8


@pytest.mark.parametrize("more", ["", ", stream=True"])
def test_program_that_is_killed_takes_its_call_with_it(
    house: House, upstream: Upstream, more: str
) -> None:
    upstream.open.clear()
    command = program(house, "killed", f"ask('never answered'{more})")
    pid = house.aos("run", "-d", *command).out.strip()
    upstream.when(asked=1)
    waits = info(house, pid)
    assert waits["state"] == "blocked" and waits["waiting_for"][0].startswith("model.")
    house.aos("kill", pid)
    assert house.aos("wait", pid, check=False).code == 137
    upstream.when(broken=1)


def test_program_that_hangs_up_takes_its_call_back_and_lives(
    house: House, upstream: Upstream
) -> None:
    text = (
        "import socket\n"
        "from urllib.parse import urlsplit\n"
        "url = urlsplit(os.environ['OPENAI_BASE_URL'])\n"
        "body = json.dumps({'model': 'default', 'messages': [{'role': 'user', 'content': 'x'}]})\n"
        "with socket.create_connection((url.hostname, url.port)) as sock:\n"
        "    sock.sendall((f'POST /v1/chat/completions HTTP/1.1\\r\\nHost: localhost\\r\\n'\n"
        "        f'Authorization: Bearer {os.environ[\"OPENAI_API_KEY\"]}\\r\\n'\n"
        "        f'Content-Length: {len(body)}\\r\\n\\r\\n{body}').encode())\n"
        "    sys.stdout.flush(); say('sent')\n"
        "    os.read(os.open('go', os.O_RDONLY), 1)\n"
        # A pipe of its own: the first one's writer may still have that one open.
        "say('left'); os.read(os.open('end', os.O_RDONLY), 1); say('over')\n"
    )
    upstream.open.clear()
    command = program(house, "leaver", "os.mkfifo('go'); os.mkfifo('end')\n" + text)
    pid, follow = begin(house, *command)
    assert follow.stdout is not None and follow.stdout.readline() == "sent\n"
    upstream.when(asked=1)
    home = Path(info(house, pid)["home"])
    (home / "go").write_text("x")
    assert follow.stdout.readline() == "left\n"
    upstream.when(broken=1)
    assert info(house, pid)["state"] == "running"
    (home / "end").write_text("x")
    assert house.aos("wait", pid).code == 0
    follow.communicate(timeout=60)


def test_gateway_that_dies_is_there_again_for_a_program_that_lives(
    house: House, upstream: Upstream
) -> None:
    text = (
        "import time\n"
        "say(ask('one')); os.mkfifo('go'); say('ready'); os.read(os.open('go', os.O_RDONLY), 1)\n"
        "while True:\n"
        "    try: said = ask('two'); break\n"
        "    except (OSError, ValueError): time.sleep(0.05)\n"
        "say(said)\n"
    )
    pid, follow = begin(house, *program(house, "survivor", text))
    assert follow.stdout is not None
    assert [follow.stdout.readline() for _ in range(2)] == ["Well said.\n", "ready\n"]
    gateway = next(one for one in house.aos("service", "--json").json() if one["name"] == "gateway")
    house.aos("kill", str(gateway["pid"]))
    (Path(info(house, pid)["home"]) / "go").write_text("x")
    assert house.aos("wait", pid).code == 0
    assert follow.communicate(timeout=60)[0] == "Well said.\n"
    assert info(house, pid)["usage"]["tokens"] == 8


def test_model_that_is_lost_is_an_error_that_clients_know(
    make_house: Callable[..., House],
) -> None:
    script = json.dumps([{"text": "Half of", "error": "it burns"}])
    house = make_house()
    file = house.program("script.json", script)
    house.environment[MODEL] = f"scripted:{file}"
    done = house.aos("run", "-q", *program(house, "lost", "say(ask('hello'))"))
    assert done.out == "device_unavailable\n"


STORE = [
    {"calls": [{"name": "memory_put", "arguments": {"key": "budget", "value": "42"}}]},
    "I have stored it.",
]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["scripted", "embedded"])
@pytest.mark.parametrize("example", ["client", "agents_sdk", "langgraph_agent"])
def test_agent_of_another_framework_uses_its_tools(
    make_house: Callable[..., House], example: str, model: str
) -> None:
    house = make_house()
    if model == "scripted":
        model = f"scripted:{house.program('script.json', json.dumps(STORE))}"
    house.environment[MODEL] = model
    house.aos("start")
    house.when_ready()
    path = str(ROOT / f"examples/frameworks/{example}.py")
    done = house.aos(
        *("run", "--name", example, "--max-tokens", "20000", "--", sys.executable, path),
        "Store 42 as budget",
        timeout=120,
    )
    *_, notes = done.out.strip().split("\n")
    assert notes == "notes: {'budget': '42'}", done.out + done.err
    found = info(house, example)
    assert 0 < found["usage"]["tokens"] < 20_000 and found["exit_code"] == 0
