"""Episodes: read from what processes have done, judged, and written to files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from llmagentos.services.learning import trajectories
from llmagentos.services.learning.deeds import Reader
from llmagentos.services.learning.marks import Marks
from llmagentos.services.learning.rewards import Rewarding
from llmagentos.services.learning.trajectories import Trajectories
from llmagentos.syscalls.episodes import COLUMNS, lines, parsed, result_class, rows
from llmagentos.syscalls.errors import InvalidArgument, NotFound, PermissionDenied
from llmagentos.syscalls.host import Host
from llmagentos.syscalls.learning import Episode
from llmagentos.syscalls.process import Past, ProcessInfo
from llmagentos.syscalls.server import Caller

SESSION, CLERK, HELPER, OTHER = 2, 10, 11, 12


def info(pid: int, parent: int | None, name: str, kind: str = "agent") -> ProcessInfo:
    return ProcessInfo(
        pid=pid, parent=parent, principal="ada", name=name, program=f"{name}.py", kind=kind,
        state="zombie", nice=0, started=1.0, ended=2.0, exit_code=0, exit_reason=None, syscalls=3,
        usage={"tokens": 500.0}, budget={}, task="do it",
    )  # fmt: skip


class System:
    """The operating system as the trajectories see it: some processes and their pasts."""

    def __init__(self) -> None:
        self.process = self
        self.infos = {
            one.pid: one
            for one in (
                info(SESSION, None, "session", "session"),
                info(CLERK, SESSION, "clerk"),
                info(HELPER, CLERK, "helper"),
                info(OTHER, SESSION, "clerk-2"),
                info(3, None, "memory", "driver"),
            )
        }
        self.pasts: dict[int, list[Past]] = {}

    def on_behalf(self, call: int) -> System:
        return self

    async def inspect(self, pid: int) -> ProcessInfo:
        if pid not in self.infos:
            raise NotFound(f"there is no process {pid}")
        return self.infos[pid]

    async def ls(self, all: bool = False) -> list[ProcessInfo]:
        return list(self.infos.values())

    async def history(
        self, pid: int, after: int = 0, limit: int = 1000, whole: bool = False
    ) -> list[Past]:
        assert whole
        return [one for one in self.pasts.get(pid, ()) if one.seq > after][: min(limit, 2)]


def past(seq: int, syscall: str, arguments: Any, result: Any, **fields: Any) -> Past:
    plain = {"time": float(seq), "outcome": "ok", **fields}
    return Past(seq=seq, syscall=syscall, arguments=arguments, result=result, **plain)


def said(content: str | None, *logprobs: float) -> dict[str, Any]:
    tokens = [{"token": "t", "logprob": one, "top": []} for one in logprobs] or None
    return {
        "content": content, "tool_calls": [], "finish_reason": "stop", "model": "m:1",
        "usage": {"input_tokens": 3, "output_tokens": 1}, "logprobs": tokens,
    }  # fmt: skip


ASKED = {"messages": [{"role": "user", "content": "hi"}], "tools": [], "temperature": 1.0}
Work = Callable[[System, Trajectories], Any]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Work], Any]:
    def run(work: Work) -> Any:
        system = System()
        host = cast(Host, SimpleNamespace(os=system, state=tmp_path))
        made = Trajectories(host, now=lambda: 7000.0)
        try:
            return asyncio.run(work(system, made))
        finally:
            made.close()

    return run


def who(pid: int) -> Caller:
    return Caller(pid=pid, principal="ada", call=1)


def test_models_reply_is_an_action_in_its_conversation_and_a_tool_call_one_by_its_name() -> None:
    reader = Reader()
    asked = reader.deed(past(1, "model.chat", ASKED, said("yes", -0.5, -0.25)))
    assert asked.state["messages"] == ASKED["messages"] and asked.state["tools"] == []
    assert asked.state["options"] == {"temperature": 1.0}
    assert asked.action["content"] == "yes"
    assert (asked.policy, asked.logprob, asked.whole) == ("m:1", -0.75, True)
    tool = reader.deed(
        past(
            2, "tool.call", {"name": "clock", "arguments": {"a": 1}}, {"text": "9", "failed": False}
        )
    )
    assert (tool.subject, tool.action, tool.result["text"]) == ("clock", {"a": 1}, "9")
    put = reader.deed(past(3, "memory.put", {"key": "k", "value": 1, "namespace": "own"}, None))
    assert (put.subject, put.action["key"]) == ("own", "k")
    assert [result_class(one) for one in (asked, tool, put)] == ["answer", "number", "ok"]


def test_what_a_context_holds_is_put_together_from_the_calls_that_filled_it() -> None:
    reader = Reader()
    hello = [{"role": "user", "content": "hi"}]
    more = [{"role": "user", "content": "more"}]
    pasts = [
        past(1, "model.open", {"messages": hello, "tools": []}, {"context": 5}),
        past(2, "model.fork", {"context": 5, "count": 1}, [{"context": 6}]),
        past(3, "model.generate", {"context": 6, "temperature": 0.5}, said("a")),
        past(4, "model.append", {"context": 6, "messages": more}, {"context": 6}),
        past(5, "model.generate", {"context": 6}, said("b")),
        past(6, "model.generate", {"context": 5}, said("c")),
        past(7, "model.open", None, {"context": 9}),
        past(8, "model.generate", {"context": 9}, said("d")),
    ]
    deeds = [reader.deed(one) for one in pasts]
    contents = [[one["content"] for one in deed.state.get("messages", ())] for deed in deeds]
    assert contents[2:6] == [["hi"], [], ["hi", "a", "more"], ["hi"]]
    assert deeds[2].state["options"] == {"temperature": 0.5}
    assert [one.whole for one in deeds] == [True] * 6 + [False, False]


@pytest.mark.parametrize(
    "lost",
    [
        past(1, "model.chat", None, said("yes")),
        past(1, "model.stream", ASKED, None),
        past(1, "model.chat", ASKED, "(too long to be kept; BLAKE2b 00)"),
        past(1, "tool.call", None, {"text": ""}),
    ],
    ids=["arguments", "stream", "result", "tool"],
)
def test_call_that_was_not_kept_whole_says_so(lost: Past) -> None:
    assert not Reader().deed(lost).whole


def test_error_is_the_outcome_and_its_message_the_result() -> None:
    deed = Reader().deed(past(1, "model.chat", ASKED, "no room", outcome="EDQUOT"))
    assert (deed.outcome, deed.result, deed.action, deed.whole) == ("EDQUOT", "no room", {}, True)
    assert result_class(deed) == "EDQUOT"


def test_long_history_is_read_in_pages_and_episodes_by_name_after_a_pid(play: Any) -> None:
    async def work(system: System, made: Trajectories) -> None:
        system.pasts[CLERK] = [past(n, "clock.now", {}, 1.0) for n in range(1, 8)]
        found = await made.read(who(SESSION), name="clerk*")
        assert [(one.pid, len(one.deeds)) for one in found] == [(CLERK, 7), (OTHER, 0)]
        assert found[0].task == "do it" and found[0].reward is None and found[0].whole
        after = await made.read(who(SESSION), name="clerk*", after=CLERK)
        assert [one.pid for one in after] == [OTHER]
        assert [one.pid for one in await made.read(who(SESSION), limit=1)] == [CLERK]
        assert await made.read(who(SESSION), after=OTHER) == []
        with pytest.raises(NotFound):
            await made.read(who(SESSION), pids=[99])

    play(work)


def test_answer_ends_before_it_grows_too_long(play: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(trajectories, "ANSWER", 2000)

    async def work(system: System, made: Trajectories) -> None:
        for pid in (CLERK, HELPER, OTHER):
            system.pasts[pid] = [past(n, "clock.now", {"a": "x" * 400}, 1.0) for n in range(1, 3)]
        assert [one.pid for one in await made.read(who(SESSION))] == [CLERK]
        assert [one.pid for one in await made.read(who(SESSION), after=CLERK)] == [HELPER]
        system.pasts[OTHER] *= 9
        system.pasts[OTHER] = [replace(one, seq=n) for n, one in enumerate(system.pasts[OTHER], 1)]
        (long,) = await made.read(who(SESSION), after=HELPER)
        assert not long.whole and 0 < len(long.deeds) < 18

    play(work)


def test_what_is_done_while_it_is_read_is_not_waited_for(play: Any) -> None:
    async def work(system: System, made: Trajectories) -> None:
        system.pasts[CLERK] = [past(1, "clock.now", {}, 1.0)]
        real = system.history

        async def history(pid: int, **how: Any) -> list[Past]:
            found = await real(pid, **how)
            seq = len(system.pasts[CLERK]) + 1
            system.pasts[CLERK].append(past(seq, "process.history", {}, None, time=7000.5))
            return found

        system.history = history  # type: ignore[method-assign,assignment]
        (episode,) = await made.read(who(CLERK), pids=[CLERK])
        assert [one.syscall for one in episode.deeds] == ["clock.now"] and episode.whole

    play(work)


def test_agent_reads_only_itself_and_what_is_below_it(play: Any) -> None:
    async def work(system: System, made: Trajectories) -> None:
        assert [one.pid for one in await made.read(who(CLERK))] == [CLERK, HELPER]

    play(work)


def test_latest_mark_of_each_rewarder_counts(play: Any) -> None:
    async def work(system: System, made: Trajectories) -> None:
        await made.reward(who(SESSION), CLERK, 0.2)
        await made.reward(who(SESSION), CLERK, 1.0, note="well done")
        await made.reward(who(OTHER), CLERK, -0.5, by="tests")
        (episode,) = await made.read(who(SESSION), pids=[CLERK])
        assert [(one.by, one.value) for one in episode.rewards] == [
            ("ada", 1.0), ("verifier tests", -0.5),
        ]  # fmt: skip
        assert episode.reward == 0.5 and episode.rewards[0].note == "well done"
        (other,) = await made.read(Caller(pid=SESSION, principal="bob", call=1), pids=[CLERK])
        assert other.rewards == []

    play(work)


def test_file_of_marks_that_is_none_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "marks.db"
    path.write_bytes(b"no database at all, but long enough to be looked at " * 20)
    marks = Marks(path)
    assert marks.of("ada", [CLERK]) == {CLERK: []}
    marks.close()
    assert (tmp_path / "marks.db.corrupt-1").exists()


def test_agent_rewards_neither_itself_nor_whom_it_works_for(play: Any) -> None:
    async def work(system: System, made: Trajectories) -> None:
        for rewarder, rewarded in ((CLERK, CLERK), (HELPER, CLERK)):
            with pytest.raises(PermissionDenied):
                await made.reward(who(rewarder), rewarded, 1.0)
        await made.reward(who(CLERK), HELPER, 1.0)

    play(work)


@pytest.mark.parametrize(
    ("pid", "how", "error"),
    [
        (99, {"value": 1.0}, NotFound),
        (3, {"value": 1.0}, NotFound),
        (CLERK, {"value": float("nan")}, InvalidArgument),
        (CLERK, {"value": float("inf")}, InvalidArgument),
        (CLERK, {"value": 1.0, "by": "outcome"}, InvalidArgument),
        (CLERK, {"value": 1.0, "by": "a\nb"}, InvalidArgument),
        (CLERK, {"value": 1.0, "note": "n" * 3000}, InvalidArgument),
    ],
)
def test_bad_reward_is_refused(
    play: Any, pid: int, how: dict[str, Any], error: type[Exception]
) -> None:
    async def work(system: System, made: Trajectories) -> None:
        with pytest.raises(error):
            await made.reward(who(SESSION), pid, **how)
        (episode,) = await made.read(who(SESSION), pids=[CLERK])
        assert episode.rewards == []

    play(work)


@pytest.fixture
def episode(play: Any) -> Episode:
    async def work(system: System, made: Trajectories) -> Episode:
        system.pasts[CLERK] = [
            past(1, "model.chat", ASKED, said("ä", -0.5)),
            past(2, "tool.call", {"name": "t", "arguments": {"data": b"\0"}}, {"text": "ok"}),
        ]
        await made.reward(who(SESSION), CLERK, 2.0)
        return (await made.read(who(SESSION), pids=[CLERK]))[0]

    made: Episode = play(work)
    return made


def judged(how: dict[str, Any], episode: Episode, folder: Path) -> Episode:
    rewarding = Rewarding(**how)
    return asyncio.run(rewarding.judged(episode, rewarding.load(folder)))


def test_reward_is_the_sum_of_what_the_recipe_asks_for(episode: Episode, tmp_path: Path) -> None:
    (tmp_path / "check.py").write_text(
        "async def judge(episode):\n    return len(episode.deeds)\n"
        "def ends(episode):\n    return episode.exit_code == 0\n"
    )
    how = {"outcome": 1.0, "per_1000_tokens": -0.2, "verifier": "check.py:judge"}
    whole = judged(how, episode, tmp_path)
    assert [(one.by, one.value) for one in whole.rewards] == [
        ("ada", 2.0), ("outcome", 1.0), ("budget", -0.1), ("verifier check.py:judge", 2.0),
    ]  # fmt: skip
    assert whole.reward == pytest.approx(4.9)
    assert judged({"marks": False}, episode, tmp_path).reward is None
    failed = replace(episode, exit_code=1, rewards=[])
    assert judged({"outcome": 1.0}, failed, tmp_path).reward == 0.0
    assert judged({"verifier": "check.py:ends", "marks": False}, episode, tmp_path).reward == 1.0


@pytest.mark.parametrize(
    ("verifier", "message"),
    [
        ("nowhere.py:judge", "nowhere.py: No such file"),
        ("bad.py:judge", "bad.py: SyntaxError"),
        ("good.py:missing", "no function 'missing'"),
        ("good.py", "no FILE.py:function"),
        ("good.py:crash", "failed on process 10"),
        ("good.py:nothing", "failed on process 10"),
        ("good.py:nan", "finite"),
    ],
)
def test_verifier_that_cannot_judge_is_named(
    episode: Episode, tmp_path: Path, verifier: str, message: str
) -> None:
    (tmp_path / "bad.py").write_text("def (")
    (tmp_path / "good.py").write_text(
        "def crash(episode): raise KeyError('x')\ndef nothing(episode): pass\n"
        "def nan(episode): return float('nan')\n"
    )
    with pytest.raises(InvalidArgument, match=message):
        judged({"verifier": verifier}, episode, tmp_path)


def test_episodes_are_lines_of_json_and_back(episode: Episode, tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    path.write_text("\n".join(lines([episode, episode])) + "\n\n")
    back = list(parsed(path))
    assert back[0].deeds[0] == episode.deeds[0] and len(back) == 2
    assert back[1].deeds[1].action == {"data": "AA=="}
    path.write_text('{"pid": 1}\n')
    with pytest.raises(InvalidArgument, match=r"episodes\.jsonl, line 1"):
        list(parsed(path))
    with pytest.raises(InvalidArgument, match="absent"):
        list(parsed(tmp_path / "absent.jsonl"))


def test_rows_have_the_columns_and_the_reward_stands_at_the_end(episode: Episode) -> None:
    first, last = rows([episode])
    assert tuple(first) == tuple(COLUMNS)
    assert (first["reward"], first["done"], first["policy"], first["logprob"]) == (
        0.0, False, "m:1", -0.5,
    )  # fmt: skip
    assert (last["reward"], last["done"], last["subject"]) == (2.0, True, "t")
    assert json.loads(first["state"])["messages"] == ASKED["messages"]
