"""Two principals of one daemon: neither reads, changes, outwaits or passes for what is the other's.

All of it is tried in one booted daemon with its model, over HTTP and by agents of both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Fort

pytestmark = pytest.mark.slow
POLICY = """
[roles.reader]
capabilities = ["model.*", "memory.*", "knowledge.*", "process.*", "ipc.*", "clock.*", "tool.*",
                "learning.*", "plan.*", "perception.*"]
[principals.alice]
roles = ["reader"]
[principals.bob]
roles = ["reader"]
"""
#: Makes a job, a model and a note, says what they are called, and waits for a letter.
MAKER = """
import json, os as machine
async def main(os, task):
    await os.memory.put('secret', 'of alice')
    job = await os.learning.begin('evaluate', 'work', {'a': 1}, total=2)
    await os.learning.report(job, 1, {'loss': 0.5})
    await os.learning.fetch('embedded', 'mine')
    card = await os.learning.publish('pupil', 'mine', job=job)
    with open('note.txt', 'w') as file:
        file.write('of alice')
    print(json.dumps({'job': job, 'target': card.target, 'home': machine.getcwd()}), flush=True)
    await os.ipc.recv()
"""
#: Makes the calls of its task in its own home, where a link leads out, and says how each ended.
CALLER = """
import json, os as machine
async def main(os, task):
    told = json.loads(task)
    machine.symlink(told['link'], 'link')
    for name, arguments in told['calls']:
        try:
            print('DONE', name, str(await os.call(name, arguments))[:200], flush=True)
        except Exception as error:
            print(error.code, error.message, flush=True)
"""


class Castle(Fort):
    """A house with its model and its learning service, and two principals."""

    def __init__(self, state: Any) -> None:
        super().__init__(state)
        for name in ("DRIVERS__INFERENCE", "SERVICES__LEARNING", "SERVICES__PLANNER"):
            del self.environment[f"LLMAGENTOS_{name}__ENABLED"]
        self.policy.write_text(POLICY)
        self.made: dict[str, Any] = {}

    def enter(self) -> None:
        self.aos("start")
        self.when_ready()
        self.alice, self.bob = (self.token("--principal", who) for who in ("alice", "bob"))
        status, said, _ = self.call(
            self.alice, "process.spawn", program=self.program("maker.py", MAKER)
        )
        assert status == 200, said
        self.pid = said["result"]
        with self.followed(self.alice, self.pid) as line:
            self.made = json.loads(line)

    def followed(self, token: str, pid: int) -> Any:
        """Return a context with the first line that a principal's process writes."""
        from contextlib import contextmanager

        @contextmanager
        def lines() -> Iterator[str]:
            connection = self.connection()
            try:
                connection.request(
                    "POST", "/api/v1/syscalls/process.logs",
                    json.dumps({"pid": pid, "follow": True}),
                    {"Authorization": f"Bearer {token}"},
                )  # fmt: skip
                answer = connection.getresponse()
                for raw in answer:
                    if raw.startswith(b"data:") and b'"text"' in raw:
                        yield json.loads(raw[5:])["text"]
                        return
                raise AssertionError(answer.status)
            finally:
                connection.close()

        return lines()

    def statuses(self, token: str, *asked: tuple[str, dict[str, Any]]) -> list[tuple[str, int]]:
        return [(name, self.call(token, name, **arguments)[0]) for name, arguments in asked]


@pytest.fixture(scope="module")
def castle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Castle]:
    made = Castle(tmp_path_factory.mktemp("castle") / "s")
    try:
        made.enter()
        yield made
    finally:
        made.aos("stop", check=False)


def test_processes_and_journals_of_another_principal_are_not_there(castle: Castle) -> None:
    pid = castle.pid
    said = castle.statuses(
        castle.bob,
        ("process.inspect", {"pid": pid}), ("process.history", {"pid": pid}),
        ("process.logs", {"pid": pid}), ("process.trace", {"pid": pid}),
        ("process.signal", {"pid": pid}), ("process.stop", {"pid": pid}),
        ("process.renice", {"pid": pid, "nice": 19}), ("process.remove", {"pid": pid}),
        ("process.wait", {"pid": pid}), ("process.fork", {"pid": pid, "at": 1}),
        ("ipc.send", {"to": pid, "body": "x"}), ("memory.mind", {"pid": pid}),
        ("memory.consolidate", {"pid": pid}), ("learning.trajectories", {"pids": [pid]}),
        ("learning.reward", {"pid": pid, "value": 1.0}),
    )  # fmt: skip
    assert {status for _, status in said} == {404}, said
    assert castle.call(castle.bob, "learning.trajectories")[1]["result"] == []
    listed = castle.call(castle.bob, "process.ls", all=True)[1]["result"]
    assert all(one["principal"] == "bob" for one in listed)
    assert castle.call(castle.alice, "process.inspect", pid=pid)[0] == 200


def test_owner_in_person_sees_and_ends_everybodys_processes_and_no_token_of_the_owners_does(
    castle: Castle,
) -> None:
    sleeper = castle.program("sleeper.py", "async def main(os, task):\n    await os.ipc.recv()\n")
    made = castle.call(castle.alice, "process.spawn", program=sleeper)[1]["result"]
    pid = str(made)
    assert pid not in castle.aos("ps", "-q").out.split()
    line = next(one for one in castle.aos("ps", "-A").out.splitlines() if one.startswith(pid))
    assert line.split()[1:3] == ["alice", "sleeper"]
    assert castle.aos("top", "-A", "--once").out.split()[1] == "PRINCIPAL"
    assert "alice" in castle.aos("inspect", pid).out
    castle.aos("logs", pid)
    owners = castle.token("--cap", "*", "owners")
    status, said, _ = castle.call(owners, "process.inspect", pid=made)
    assert (status, said["detail"]) == (404, f"there is no process {pid}")
    for token in (owners, castle.bob):
        assert castle.call(token, "process.ls", everybody=True)[0] == 403
        assert castle.call(token, "process.stop", pid=made)[0] == 404
    assert castle.aos("run", "-d", sleeper).out.strip() in castle.aos("ps", "-q").out.split()
    forked = castle.aos("call", "process.fork", f"pid={pid}", "at=0", check=False)
    assert "alice's" in forked.err
    castle.aos("stop", pid)
    assert castle.aos("wait", pid, check=False).out.strip() == "143"


def test_memories_and_knowledge_of_another_principal_are_not_there(castle: Castle) -> None:
    alice, bob = castle.alice, castle.bob
    claim = {"subject": "vault", "relation": "holds", "object": "gold"}
    assert castle.call(alice, "knowledge.tell", claims=[claim])[0] == 200
    text = {"source": "vault.txt", "data": {"$bytes": "Z29sZA=="}}
    castle.call(alice, "knowledge.ingest", **text)
    assert castle.call(alice, "memory.get", key="secret")[1]["result"]["value"] == "of alice"
    assert castle.call(alice, "memory.put", key="k", value=1, namespace="shared/team")[0] == 200
    assert castle.call(bob, "memory.get", key="secret")[0] == 404
    for name, arguments in (
        ("memory.ls", {}), ("memory.keys", {}), ("memory.search", {"query": "alice"}),
        ("memory.recall", {"query": "alice"}), ("knowledge.search", {"query": "gold"}),
        ("knowledge.ask", {"pattern": "vault holds ?x"}), ("knowledge.documents", {}),
        ("knowledge.contradictions", {}),
    ):  # fmt: skip
        status, said, _ = castle.call(bob, name, **arguments)
        assert status in (200, 404) and not (said.get("result") or []), (name, said)
    for namespace in (
        "shared/team", "alice", "../alice", "shared/../alice", "user/../../alice", "own:alice",
        "shared/team\0", "USER",
    ):  # fmt: skip
        for name, arguments in (
            ("memory.get", {"key": "k"}), ("memory.put", {"key": "k", "value": 2}),
            ("memory.ls", {}), ("knowledge.search", {"query": "gold"}),
        ):  # fmt: skip
            status, said, _ = castle.call(bob, name, namespace=namespace, **arguments)
            assert status in (400, 403, 404, 422), (namespace, name, status, said)
    assert castle.call(bob, "memory.share", name="team", principal="bob")[0] in (403, 404)
    assert castle.call(alice, "memory.get", key="k", namespace="shared/team")[1]["result"][
        "value"
    ] == 1  # fmt: skip


def test_jobs_and_models_of_another_principal_are_not_there(castle: Castle) -> None:
    job = castle.made["job"]
    verdict = {
        "suite": "s", "baseline": "embedded", "tasks": 1, "solved": 1, "baseline_solved": 0,
        "won": 1, "lost": 0, "p": 0.0, "passed": True,
    }  # fmt: skip
    said = castle.statuses(
        castle.bob,
        ("learning.job", {"id": job}), ("learning.curves", {"id": job}),
        ("learning.page", {"id": job}),
        ("learning.report", {"job": job, "step": 2, "metrics": {}}),
        ("learning.finish", {"job": job, "state": "failed"}), ("learning.card", {"name": "pupil"}),
        ("learning.fetch", {"name": "pupil", "folder": "x"}),
        ("learning.discard", {"name": "pupil"}),
        ("learning.advise", {"name": "pupil", "state": 1}), ("learning.promote", {"name": "pupil"}),
        ("learning.fetch", {"name": "../alice/pupil", "folder": "x"}),
        ("learning.card", {"name": "../alice/pupil"}), ("learning.discard", {"name": ".."}),
        ("learning.publish", {"name": "x", "folder": "y", "job": job}),
    )  # fmt: skip
    assert {status for _, status in said} == {404}, said
    # Rights that act on the whole machine are in no pattern: `learning.*` is not enough.
    said = castle.statuses(
        castle.bob,
        ("learning.judge", {"name": "pupil", "verdict": verdict}),
        ("learning.adopt", {"name": "mine", "path": castle.made["target"].removeprefix("hf:")}),
        ("model.use", {"target": castle.made["target"]}),
        ("model.use", {"target": "openai:http://127.0.0.1:9/v1", "name": "x"}),
        ("model.add", {"target": castle.made["target"]}), ("model.remove", {"target": "embedded"}),
        ("model.share", {"target": "embedded", "share": 0.5}),
        ("tool.connect", {"name": "x", "command": ["/bin/true"]}),
        ("tool.disconnect", {"name": "x"}),
    )  # fmt: skip
    assert {status for _, status in said} == {403}, said
    assert castle.call(castle.bob, "learning.models")[1]["result"] == []
    assert castle.call(castle.bob, "learning.jobs")[1]["result"] == []
    seen = castle.call(castle.alice, "learning.job", id=job)[1]["result"]
    assert (seen["state"], seen["step"]) == ("running", 1)
    assert castle.call(castle.alice, "learning.card", name="pupil")[0] == 200


def test_agent_passes_no_model_off_as_better_and_takes_none_by_a_path(castle: Castle) -> None:
    """Also not with a job of its own that says it judges: a person has to have started that."""
    home, target = castle.made["home"], castle.made["target"].removeprefix("hf:")
    verdict = {
        "suite": "s", "baseline": "embedded", "tasks": 500, "solved": 500, "baseline_solved": 0,
        "won": 500, "lost": 0, "p": 0.0, "passed": True,
    }  # fmt: skip
    forged = {"name": "pupil", "verdict": verdict}
    evaluate = castle.program(
        "forged.toml",
        'runtime = "learn"\ncapabilities = ["learning.judge", "process.*", "learning.*"]\n'
        '[job]\nkind = "evaluate"\n',
    )
    calls = [
        ("learning.fetch", {"name": "embedded", "folder": "own"}),
        ("learning.publish", {"name": "forged", "folder": "own", "scores": {"passed": 1.0},
                              "data": {"verdicts": [verdict]}}),
        ("learning.begin", {"kind": "evaluate", "name": "judge", "recipe": {"a": 1}}),
        ("learning.judge", forged), ("learning.judge", {**forged, "name": "forged"}),
        ("learning.promote", {"name": "forged"}),
        ("learning.promote", {"name": "forged", "overrule": True}),
        ("learning.rollback", {}), ("learning.discard", {"name": "pupil"}),
        ("process.spawn", {"program": evaluate}),
        ("process.spawn", {"program": evaluate, "capabilities": ["learning.judge"]}),
        *(("learning.publish", {"name": "stolen", "folder": path})
          for path in (target, home, f"{home}/mine", "../maker/mine", "link", "link/mine", "/etc",
                       "own/../../maker/mine", "~", "")),
        *(("learning.fetch", {"name": "embedded", "folder": path})
          for path in (f"{home}/stolen", "../maker/stolen", "link/stolen", "/tmp/stolen",
                       "own/../../stolen")),
        ("perception.perceive", {"source": f"{home}/note.txt"}),
        ("perception.perceive", {"source": "link/note.txt"}),
        ("knowledge.ingest", {"source": "link/note.txt"}),
        # The link itself goes for the folder; what it led to stays as it is.
        ("learning.fetch", {"name": "embedded", "folder": "link"}),
    ]  # fmt: skip
    program = castle.program("caller.py", CALLER)
    task = json.dumps({"link": home, "calls": calls})
    pid = castle.call(castle.alice, "process.spawn", program=program, task=task)[1]["result"]
    assert castle.call(castle.alice, "process.wait", pid=pid)[1]["result"]["code"] == 0
    status, said, _ = castle.call(castle.alice, "learning.card", name="forged")
    assert status == 200 and said["result"]["verdicts"] == []
    assert castle.call(castle.alice, "learning.card", name="pupil")[1]["result"]["verdicts"] == []
    names = {one["name"] for one in castle.call(castle.alice, "learning.models")[1]["result"]}
    assert names == {"pupil", "forged"}
    lines = logs(castle, pid)
    assert [one.split()[0] for one in lines[:3]] == ["DONE"] * 3, lines
    assert len(lines) == len(calls), lines
    done = [one for one in zip(lines, calls, strict=True) if one[0].startswith("DONE")]
    assert [call[0] for _, call in done[3:]] == ["learning.fetch"] and lines[-1].startswith("DONE")
    assert sorted(one.name for one in Path(home).iterdir()) == ["mine", "note.txt"]
    assert not any("of alice" in one for one in lines)


def logs(castle: Castle, pid: int) -> list[str]:
    connection = castle.connection()
    try:
        connection.request(
            "POST", "/api/v1/syscalls/process.logs", json.dumps({"pid": pid}),
            {"Authorization": f"Bearer {castle.alice}"},
        )  # fmt: skip
        said = connection.getresponse().read().decode()
    finally:
        connection.close()
    found = [json.loads(one[5:]) for one in said.splitlines() if one.startswith("data:")]
    return [one["text"] for one in found if isinstance(one, dict) and "text" in one]


def test_world_of_an_agent_answers_nobody_elses_letters(castle: Castle) -> None:
    """It has no right but to its mailbox, and another principal cannot write to it."""
    visitor = castle.program(
        "visitor.py",
        "from llmagentos.services.learning.rl.visit import Visit\n"
        "async def main(os, task):\n"
        "    async with Visit(os, 'FrozenLake-v1') as world:\n"
        "        await world.reset(seed=1)\n"
        "        print(world._pid, flush=True)\n"
        "        await os.ipc.recv()\n",
    )
    pid = castle.call(castle.alice, "process.spawn", program=visitor)[1]["result"]
    with castle.followed(castle.alice, pid) as line:
        world = int(line)
    shown = castle.call(castle.alice, "process.inspect", pid=world)[1]["result"]
    assert shown["capabilities"] == ["ipc.*"] and shown["parent"] == pid
    letter = {"to": world, "body": {"number": 9, "act": 1}}
    assert castle.call(castle.bob, "ipc.send", **letter)[0] == 404
    assert castle.call(castle.bob, "process.signal", pid=world, signal="KILL")[0] == 404
    castle.call(castle.alice, "ipc.send", to=pid, body="done")
    assert castle.call(castle.alice, "process.wait", pid=pid)[1]["result"]["code"] == 0


def ask(castle: Castle, token: str, prompt: str) -> Any:
    return castle.call(
        token, "model.chat", messages=[{"role": "user", "content": prompt}], max_tokens=1
    )


def pages(castle: Castle, token: str) -> Any:
    return castle.call(token, "model.pages")[1]["result"]


def used(castle: Castle) -> int:
    shown = pages(castle, castle.alice)
    return int(shown["total"] - shown["free"])


def test_no_principal_finds_anothers_prompt_in_the_devices_memory(castle: Castle) -> None:
    """What was computed for one is computed again for the other: no time tells what was said."""
    prompt = "The vault opens with the words " + "silver moon over a quiet lake " * 40
    assert ask(castle, castle.alice, "hello")[0] == 200
    size = len(prompt.split()) // pages(castle, castle.alice)["page_tokens"]
    before = used(castle)
    assert ask(castle, castle.alice, prompt)[0] == 200
    first = used(castle)
    assert first - before >= size > 1
    assert ask(castle, castle.alice, prompt)[0] == 200
    # Her own she finds again.
    assert used(castle) - first <= 1
    second = used(castle)
    assert ask(castle, castle.bob, prompt)[0] == 200
    assert used(castle) - second >= size
    assert not any(one["shared"] for one in pages(castle, castle.bob)["holders"])


def test_open_context_of_another_principal_is_neither_listed_nor_used(castle: Castle) -> None:
    held = castle.call(castle.alice, "model.open", text="a secret " * 50)[1]["result"]["context"]
    for name, more in (
        ("model.generate", {}), ("model.append", {"text": "x"}), ("model.fork", {}),
        ("model.close", {}), ("model.pin", {"seconds": 1}),
    ):  # fmt: skip
        assert castle.call(castle.bob, name, context=held, **more)[0] == 404, name
    assert castle.call(castle.bob, "model.contexts")[1]["result"] == []
    shown = pages(castle, castle.bob)["holders"]
    assert {one["principal"] for one in shown} <= {"", "bob"}
    assert "alice" in {one["principal"] for one in pages(castle, castle.alice)["holders"]}
    assert castle.call(castle.alice, "model.close", context=held)[0] == 200


GRAMMARS: dict[str, dict[str, Any]] = {
    "repeats of repeats": {"regex": "(((a{1,1000}){1,1000}){1,1000}){1,1000}"},
    "backtracking": {"regex": "(a*)*(a|aa|aaa)*" * 200 + "b"},
    "alternatives": {"regex": "|".join(f"[a-z]{{{n},{n * 9}}}x" for n in range(1, 900))},
    "deep": {"json_schema": json.loads('{"items":' * 400 + "{}" + "}" * 400)},
    "definitions": {
        "json_schema": {
            "$ref": "#/$defs/a",
            "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}},
        }
    },
    "all of": {
        "json_schema": {
            "allOf": [
                {"properties": {f"k{n}_{m}": {"pattern": "(a|b)*" * 9} for m in range(20)}}
                for n in range(40)
            ]
        }
    },
    "choices": {"choice": ["a" * 500 + str(n) for n in range(20_000)]},
}


@pytest.mark.parametrize("name", GRAMMARS)
def test_grammar_that_is_a_bomb_is_compiled_in_bounds_or_refused(castle: Castle, name: str) -> None:
    status, said, _ = castle.call(
        castle.bob, "model.chat", messages=[{"role": "user", "content": "hello"}], max_tokens=4,
        grammar=GRAMMARS[name],
    )  # fmt: skip
    assert status in (200, 400, 413, 422), said
    assert ask(castle, castle.alice, "hello")[0] == 200


@pytest.mark.parametrize(
    "body",
    ["[" * 200_000, '{"a":' * 100_000 + "1" + "}" * 100_000, '{"key": ' + "9" * 5_000_000 + "}",
     '{"key": 1e999999999}', '{"' + "a" * 5_000_000 + '": 1}',
     "{" + ",".join(f'"k{n}": 1' for n in range(200_000)) + "}", '{"key": "' + "\\u0000" * 500_000],
    ids=["deep", "nested", "digits", "exponent", "name", "names", "escapes"],
)  # fmt: skip
def test_body_that_is_a_bomb_is_refused_and_others_are_answered(castle: Castle, body: str) -> None:
    for path in ("/api/v1/syscalls/memory.get", "/v1/chat/completions", "/v1/embeddings"):
        status, _, _ = castle.request(
            "POST", path, body,
            {"Authorization": f"Bearer {castle.bob}", "Content-Type": "application/json"},
        )  # fmt: skip
        assert status in (400, 413, 422), path
    assert castle.call(castle.alice, "clock.now")[0] == 200
