"""A policy holds people and agents, rights are revoked at run time, and the audit tells of all."""

from __future__ import annotations

import os
import signal

import pytest

from .conftest import POLICY, Fort

pytestmark = pytest.mark.slow
#: Calls what its task names for as often as it gets a letter.
_ASKER = """
async def main(os, task):
    while True:
        letter = await os.ipc.recv()
        try:
            name, arguments = letter.body
            print("ok", await os.call(name, arguments), flush=True)
        except Exception as error:
            print(type(error).__name__, error.message, flush=True)
"""


def asked(fort: Fort, pid: str, name: str, arguments: str = "{}") -> str:
    """Let an agent make a call, and return what became of it."""
    before = fort.aos("logs", pid).out.splitlines()
    fort.aos("call", "ipc.send", f"to={pid}", f'body=["{name}", {arguments}]')
    with fort.follow(pid) as lines:
        return next(line for number, line in enumerate(lines) if number == len(before))


def test_person_of_the_policy_may_do_what_it_says_and_sees_nobody_elses(fort: Fort) -> None:
    alice = fort.token("--principal", "alice", "laptop")
    assert (
        fort.call(alice, "tool.call", name="calculator", arguments={"expression": "6*7"})[0] == 200
    )
    status, said, _ = fort.call(alice, "memory.put", key="a", value=1)
    assert status == 403 and "memory.put" in said["detail"]
    assert fort.call(alice, "tool.call", name="shell", arguments={"command": "id"})[0] == 403
    assert fort.call(alice, "system.shutdown")[0] == 403
    assert fort.call(alice, "rights.revoke", pid=1, capabilities=["*"])[0] == 403
    mine = fort.aos("run", "-d", fort.program("asker.py", _ASKER)).out.strip()
    assert fort.call(alice, "process.inspect", pid=int(mine))[0] == 404
    assert fort.call(alice, "process.signal", pid=int(mine), signal="KILL")[0] == 404
    assert fort.call(alice, "ipc.send", to=int(mine), body=1)[0] == 404
    fort.aos("kill", "-s", "KILL", mine)


def test_nobody_gets_a_token_beyond_the_policy(fort: Fort) -> None:
    refused = fort.aos("token", "create", "--principal", "mallory", "x", check=False)
    assert refused.code == 1 and "no principal 'mallory'" in refused.err
    wide = fort.aos("token", "create", "--principal", "bob", "--cap", "*", "x", check=False)
    assert wide.code == 1 and "not held" in wide.err
    bob = fort.token("--principal", "bob", "--cap", "tool.call:calculator", "narrow")
    assert fort.call(bob, "memory.get", key="a")[0] == 403
    assert fort.call(bob, "system.token_create", name="more")[0] == 403


def test_principals_budget_holds_all_of_its_tokens_together(fort: Fort) -> None:
    program = fort.program("sleeper.py", "import time\ndef main():\n    time.sleep(600)\n")
    pids, statuses = [], []
    for token in (fort.token("--principal", "bob", "one"), fort.token("--principal", "bob", "two")):
        for _ in range(3):
            status, said, _ = fort.call(token, "process.spawn", program=program)
            statuses.append(status)
            pids += [said["result"]] if status == 200 else []
    assert statuses == [200, 200, 200, 402, 402, 402]
    for pid in pids:
        assert fort.call(token, "process.signal", pid=pid, signal="KILL")[0] == 200


def test_revoked_right_is_gone_with_the_next_call_of_all_below(fort: Fort) -> None:
    parent = fort.program(
        "parent.py",
        "async def main(os, task):\n"
        "    print(await os.process.spawn(task), flush=True)\n"
        "    await os.ipc.recv()\n",
    )
    asker = fort.program("asker.py", _ASKER)
    above = fort.aos("run", "-d", parent, "--task", asker).out.strip()
    below = fort.first_line(above)
    calculate = '{"name": "calculator", "arguments": {"expression": "1+1"}}'
    assert asked(fort, below, "tool.call", calculate).startswith("ok")
    touched = fort.aos("revoke", above, "tool.call:calculator").out.split()
    assert touched == [above, below]
    assert asked(fort, below, "tool.call", calculate).startswith("PermissionDenied")
    assert asked(fort, below, "tool.ls").startswith("ok")
    held = fort.aos("inspect", "--json", below).json()["capabilities"]
    assert "tool.call" in held and "!tool.call:calculator" in held
    found = [line for line in fort.aos("audit", "--pid", below, "--denied").out.splitlines()]
    assert len(found) == 1 and "tool.call:calculator" in found[0]
    assert "by !tool.call:calculator" in found[0]
    fort.aos("kill", "-s", "KILL", above)


def test_revoked_token_takes_the_rights_of_all_that_it_started(fort: Fort) -> None:
    asker = fort.program("asker.py", _ASKER)
    token = fort.token("starter")
    status, said, _ = fort.call(token, "process.spawn", program=asker)
    assert status == 200
    pid = str(said["result"])
    assert asked(fort, pid, "clock.now").startswith("ok")
    id = next(
        one["id"] for one in fort.aos("token", "ls", "--json").json() if one["name"] == "starter"
    )
    fort.aos("token", "revoke", id, "memory.*")
    assert fort.call(token, "memory.ls")[0] == 403 and fort.call(token, "clock.now")[0] == 200
    fort.aos("token", "revoke", id)
    # The letter that it waited for reaches it, and no further one.
    assert asked(fort, pid, "clock.now").startswith("PermissionDenied")
    fort.aos("wait", pid, check=False)
    denied = fort.aos("audit", "--pid", pid, "--denied").out
    assert "clock.now" in denied and "ipc.recv" in denied
    assert fort.call(token, "clock.now")[0] == 401


#: Asks for the time until it is refused.
_WORKER = """
from llmagentos.syscalls.errors import PermissionDenied
async def main(os, task):
    try:
        while True:
            await os.clock.now()
    except PermissionDenied as error:
        print(error.message)
"""


def test_token_that_expires_takes_the_rights_of_all_that_it_started(fort: Fort) -> None:
    worker = fort.program("worker.py", _WORKER)
    token = fort.token("--expires", "10s", "short")
    status, said, _ = fort.call(token, "process.spawn", program=worker)
    assert status == 200
    pid = str(said["result"])
    assert fort.aos("wait", pid).code == 0
    assert "holds no capability for clock.now" in fort.aos("logs", pid).out
    assert fort.call(token, "clock.now")[0] == 401
    with fort.events("call.denied") as denied:
        assert next(one for one in denied if one["pid"] == int(pid))["details"]["principal"]


def test_policy_is_read_again_at_a_signal_and_a_bad_one_changes_nothing(fort: Fort) -> None:
    alice = fort.token("--principal", "alice", "again")
    assert fort.call(alice, "memory.ls")[0] == 200
    fort.policy.write_text(POLICY.replace('"memory.ls", ', ""))
    shown = fort.aos("policy", "reload", "--json").json()
    assert "memory.ls" not in shown["roles"]["reader"]["capabilities"]
    assert fort.call(alice, "memory.ls")[0] == 403
    fort.policy.write_text("[roles")
    refused = fort.aos("policy", "reload", check=False)
    assert refused.code == 1 and str(fort.policy) in refused.err
    assert fort.aos("policy", "check", check=False).code == 1
    assert fort.call(alice, "memory.ls")[0] == 403 and fort.call(alice, "clock.now")[0] == 200
    fort.policy.write_text(POLICY)
    with fort.events("policy.changed") as changed:
        os.kill(fort.status()["os_pid"], signal.SIGHUP)
        assert next(changed)
    assert fort.call(alice, "memory.ls")[0] == 200


def test_bad_policy_refuses_the_start_by_its_file_key_and_reason(fort: Fort) -> None:
    other = Fort(fort.state.parent / "other" / "s")
    other.policy.write_text("[principals.alice]\nroles = ['absent']\n")
    refused = other.aos("start", check=False)
    assert refused.code == 125
    assert f"{other.policy}: principals.alice.roles: there is no role 'absent'" in refused.err


def test_audit_tells_of_a_forger_and_of_who_has_answered(fort: Fort) -> None:
    forger = fort.program(
        "forger.py",
        "async def main(os, task):\n"
        "    for behalf in (1, 2, 3, -1, 10**6):\n"
        "        try:\n"
        "            await os.client.call('memory.ls', {}, behalf=behalf); print('forged')\n"
        "        except Exception as error: print(error.code)\n"
        "    await os.tool.call('shell', {'command': 'echo allowed'})\n",
    )
    pid = fort.aos("run", "-d", "--cap", "tool.call?", "--cap", "memory.*", forger).out.strip()
    with fort.events("approval.asked") as asked:
        next(asked)
    (waits,) = fort.aos("approvals", "--json").json()
    fort.aos("approve", str(waits["id"]))
    fort.aos("wait", pid)
    assert fort.aos("logs", pid).out.split() == ["EPERM"] * 5
    denied = [one for one in fort.aos("audit", "--pid", pid, "--denied").out.splitlines()]
    assert len(denied) == 5 and all("is serving" in one for one in denied)
    (allowed,) = fort.aos("audit", "--pid", pid, "--capability", "tool.call:shell").out.splitlines()
    assert "by tool.call?" in allowed and "answered by" in allowed
    answers = fort.aos("audit", "--capability", "approval.answer", "--json").out.splitlines()
    assert len(answers) >= 1


def test_audit_of_another_principal_shows_its_own_alone(fort: Fort) -> None:
    alice = fort.token("--principal", "alice", "auditor")
    fort.call(alice, "clock.now")
    connection = fort.connection()
    connection.request(
        "POST", "/api/v1/syscalls/rights.audit", "{}", {"Authorization": f"Bearer {alice}"}
    )
    said = connection.getresponse().read().decode().replace(" ", "")
    connection.close()
    assert '"principal":"alice"' in said
    assert said.count('"principal":"') == said.count('"principal":"alice"')
