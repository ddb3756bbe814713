"""What a person does at a terminal, against a real daemon."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .conftest import ROOT, House

CLERK = str(ROOT / "examples/clerk.py")
TICKER = (
    "import time\n"
    "def main(os):\n"
    "    for n in range(600): print('tick', n, flush=True); time.sleep(0.1)\n"
)
AOS = [sys.executable, "-c", "from llmagentos.services.shell.main import main; main()"]


def test_first_run_starts_a_daemon_and_says_so(make_house: Callable[..., House]) -> None:
    house = make_house()
    first = house.aos("run", house.program("hi.py", "def main(os, task): print('hi', task)"),
                      "--task", "you")  # fmt: skip
    assert first.out == "hi you\n"
    assert "started the daemon" in first.err


def test_clerk_stores_a_sum_and_another_process_recalls_it(house: House) -> None:
    stored = house.aos("run", CLERK, "--task", "Store the total of 37 times 12 as budget")
    assert "444" in stored.out
    assert "calculator(expression=" in stored.err and "→ 444" in stored.err
    recalled = house.aos("run", CLERK, "--task", "What is the budget?")
    assert "444" in recalled.out
    assert house.aos("call", "memory.get", "key=budget").json()["value"] == "444"


def test_declared_agent_runs_without_a_line_of_python(house: House) -> None:
    done = house.aos("run", str(ROOT / "examples/clerk.toml"), "--task", "what is 6 times 7")
    assert "42" in done.out


def test_run_returns_the_programs_code(house: House) -> None:
    done = house.aos("run", "--", "sh", "-c", "exit 7", check=False)
    assert done.code == 7


def test_program_that_takes_too_long_ends_with_124(house: House) -> None:
    done = house.aos("run", "--timeout", "0.3", "--", "sleep", "60", check=False)
    assert done.code == 124


def test_detached_agent_is_listed_suspended_resumed_and_killed(house: House) -> None:
    pid = house.aos("run", "-d", "--name", "sleeper", "--", "sleep", "60").out.strip()
    assert _state(house, pid) == "running"
    house.aos("suspend", pid)
    assert _state(house, pid) == "suspended"
    house.aos("resume", "sleeper")
    assert _state(house, pid) == "running"
    house.aos("renice", "-5", pid)
    assert house.aos("inspect", pid, "--json").json()["nice"] == -5
    house.aos("kill", pid)
    assert house.aos("wait", pid, check=False).code == 137
    house.aos("rm", pid)
    assert house.aos("inspect", pid, check=False).code == 1


def _state(house: House, pid: str) -> Any:
    return house.aos("inspect", pid, "--json").json()["state"]


def test_stop_ends_an_agent_that_listens_and_one_that_does_not(house: House) -> None:
    deaf = house.program(
        "deaf.py",
        "import signal, time\n"
        "def main(os, task):\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    print('listening', flush=True)\n"
        "    time.sleep(60)\n",
    )
    pid = house.aos("run", "-d", deaf).out.strip()
    follow = subprocess.Popen(
        [*AOS, "logs", "-f", pid], stdout=subprocess.PIPE, text=True, env=house.environment
    )
    assert follow.stdout is not None
    assert follow.stdout.readline() == "listening\n"
    house.aos("stop", "-t", "0.2", pid)
    assert house.aos("wait", pid, check=False).code == 137
    follow.wait(timeout=60)
    follow.stdout.close()


def test_run_passes_on_its_signals_and_its_readers_end(house: House) -> None:
    ticker = house.program("ticker.py", TICKER)
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (None, 143)):
        with subprocess.Popen(
            [*AOS, "run", "-q", ticker], stdout=subprocess.PIPE, text=True, env=house.environment
        ) as run:
            assert run.stdout is not None and run.stdout.readline() == "tick 0\n"
            if number is None:
                run.stdout.close()
            else:
                run.send_signal(number)
            assert run.wait(timeout=60) == code


def test_output_into_a_pipe_that_nobody_reads_is_no_error(house: House) -> None:
    with subprocess.Popen(
        [*AOS, "events"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=house.environment,
    ) as events:  # fmt: skip
        assert events.stdout is not None and events.stderr is not None
        events.stdout.readline()
        events.stdout.close()
        house.aos("run", "-q", "--", "true")
        assert events.wait(timeout=60) == 0
        assert events.stderr.read() == ""


def test_state_folder_that_cannot_be_used_is_named(
    make_house: Callable[..., House], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for state in (tmp_path / "file", tmp_path / ("x" * 120)):
        house = make_house(LLMAGENTOS_STATE=str(state))
        for command in ("ps", "start"):
            done = house.aos(command, check=False)
            assert done.code == 125 and str(state) in done.err


def test_completion_knows_commands_and_options(house: House) -> None:
    house = House(house.state)
    house.environment |= {"_AOS_COMPLETE": "bash_complete", "COMP_CWORD": "2"}
    house.environment["COMP_WORDS"] = "aos run --max-t"
    done = subprocess.run(
        [str(Path(sys.executable).with_name("aos"))],
        capture_output=True, text=True, env=house.environment,
    )  # fmt: skip
    assert "--max-tokens" in done.stdout


def test_logs_show_the_last_lines(house: House) -> None:
    talker = house.program("talker.py", "def main(os):\n    for n in range(10): print('line', n)")
    house.aos("run", "--name", "talker", talker)
    assert house.aos("logs", "--tail", "2", "talker").out == "line 8\nline 9\n"


def test_agent_spends_no_more_tokens_than_it_may(house: House) -> None:
    done = house.aos("run", "--max-tokens", "100", CLERK, "--task", "what is 2 plus 2", check=False)
    assert done.code == 1
    assert "EDQUOT" in done.err
    spent = house.aos("ps", "-a", "--json", "--filter", "name=clerk").json()[-1]["usage"]
    assert spent.get("tokens", 0) <= 100


def test_capability_that_is_dropped_is_refused(house: House) -> None:
    done = house.aos("run", "--cap-drop", "tool.*", CLERK, "--task", "what is 2 + 2", check=False)
    assert done.code == 1
    assert "EPERM" in done.out + done.err


def test_call_converts_its_arguments_and_explains_errors(house: House) -> None:
    house.aos("call", "memory.put", "key=n", "value=5")
    assert house.aos("call", "memory.get", "key=n").json()["value"] == 5
    missing = house.aos("call", "memory.get", "key=nothing-here", check=False)
    assert missing.code == 1 and "ENOENT" in missing.err
    unknown = house.aos("call", "nope.nope", check=False)
    assert unknown.code == 1 and "ENOSYS" in unknown.err
    wrong = house.aos("call", "memory.ls", "limit=many", check=False)
    assert wrong.code == 1 and "limit" in wrong.err
    assert house.aos("call", "memory.get", "key", check=False).code == 2


def test_lists_are_json_for_programs(house: House) -> None:
    for command in (["ps"], ["model", "ls"], ["device", "ls"], ["token", "ls"], ["service"],
                    ["status"], ["doctor"], ["syscalls"]):  # fmt: skip
        json.loads(house.aos(*command, "--json", check=False).out)
    for line in house.aos("events", "--no-follow", "--json").out.splitlines():
        assert "kind" in json.loads(line)
    assert "inference" in house.aos("top", "--once").out


def test_missing_program_and_unknown_pid_are_plain_errors(house: House) -> None:
    assert "no program" in house.aos("run", "./nowhere.py", check=False).err
    assert "ENOENT" in house.aos("logs", "99999", check=False).err


def test_every_sandbox_layer_is_reported_truly(house: House) -> None:
    probe = house.program(
        "probe.py",
        "import socket\n"
        "def main(os, task):\n"
        "    for act in (lambda: socket.socket(), lambda: open('/etc/passwd'),\n"
        "                lambda: open('/tmp/out', 'w')):\n"
        "        try: act(); print('allowed')\n"
        "        except OSError as error: print('refused')\n",
    )
    house.aos("run", "--name", "probe", probe)
    report = house.aos("inspect", "probe", "--json").json()["sandbox"]
    said = house.aos("logs", "probe").out.split()
    assert (said[0] == "refused") == (report["seccomp"] == "enforced")
    assert (said[1:] == ["refused", "refused"]) == (report["landlock"] == "enforced")


def test_without_a_daemon_commands_say_so(make_house: Callable[..., House]) -> None:
    done = make_house().aos("ps", check=False)
    assert done.code == 125 and "aos start" in done.err


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from llmagentos.services.shell.main import aos\n"
        "try: aos(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'fastapi', 'msgpack', 'pydantic', 'asyncio', 'rich'}"
        " & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"
