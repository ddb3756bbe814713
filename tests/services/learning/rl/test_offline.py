"""Which tool comes next, learnt from episodes of an agent that is often wrong."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from llmagentos.services.learning.job import Job, Stopped
from llmagentos.services.learning.rl.decisions import ANSWER, decisions
from llmagentos.services.learning.rl.features import Course, places
from llmagentos.services.learning.rl.offline import gather
from llmagentos.services.learning.rl.offline import learn as work
from llmagentos.services.learning.rl.policy import Policy, load
from llmagentos.services.learning.rl.recipe import read
from llmagentos.syscalls.episodes import lines, result_class
from llmagentos.syscalls.errors import InvalidArgument
from llmagentos.syscalls.learning import Deed, Episode, Reward

from .stand_in import StandIn

#: Ways to ask, and the tools that it takes.
ERRANDS = (
    ("what is {n} plus {m}", ["calculator"]),
    ("work out {n} times {m}", ["calculator"]),
    ("store the sum of {n} and {m} as {key}", ["calculator", "memory_put"]),
    ("remember {n} under {key}", ["memory_put"]),
    ("note that {key} is {m}", ["memory_put"]),
    ("what is {key}", ["memory_get"]),
    ("look up {key} and add {n}", ["memory_get", "calculator"]),
    ("forget {key}", ["memory_delete"]),
    ("put what the file {key} says under {other}", ["file_read", "memory_put"]),
)
TOOLS = ("calculator", "memory_put", "memory_get", "memory_delete", "file_read", "clock")
JOB = """
name = "macro"
[job]
kind = "rl"
algorithm = "q"
[episodes]
file = "episodes.jsonl"
[learning]
passes = 8
[reward]
marks = true
"""


def deed(seq: int, syscall: str, subject: str | None, text: str = "", **fields: object) -> Deed:
    made = Deed(
        seq=seq, time=0.0, syscall=syscall, subject=subject, state={}, action={},
        result={"text": text, "failed": False}, outcome="ok",
    )  # fmt: skip
    return replace(made, **fields)  # type: ignore[arg-type]


def episode(pid: int, task: str, deeds: list[Deed], reward: float | None, code: int = 0) -> Episode:
    marks = [] if reward is None else [Reward(pid=pid, value=reward, by="v", note=None, time=0.0)]
    return Episode(
        pid=pid, name="clerk", program="clerk.py", task=task, principal="ada", started=0.0,
        ended=1.0, exit_code=code, usage={}, deeds=deeds, rewards=marks, reward=reward,
    )  # fmt: skip


def draw(rng: random.Random) -> tuple[str, list[str]]:
    """An errand with names and numbers of its own."""
    text, tools = rng.choice(ERRANDS)
    names = ["".join(rng.choices("abcdefghij", k=5)) for _ in range(2)]
    numbers = [rng.randrange(1000) for _ in range(2)]
    said = text.format(n=numbers[0], m=numbers[1], key=names[0], other=names[1])
    return said, tools


def play(
    pid: int, errand: tuple[str, list[str]], policy: Policy | None, rng: random.Random
) -> Episode:
    """Let an agent run an errand: by a policy, or rightly half of the time. One wrong tool spoils
    it."""
    task, tools = errand
    deeds: list[Deed] = []
    while len(deeds) < 6:
        steps = tuple((str(one.subject), result_class(one)) for one in deeds)
        if policy is not None:
            scores = policy.scores(Course(task=task, steps=steps))
            tool = policy.actions[scores.index(max(scores))]
        elif rng.random() < 0.5:
            tool = rng.choice([*TOOLS, ANSWER])
        else:
            tool = [*tools, *[ANSWER] * 6][len(deeds)]
        if tool == ANSWER:
            break
        deeds.append(deed(len(deeds) + 1, "tool.call", tool, "7"))
    done = [one.subject for one in deeds] == tools
    return episode(pid, task, deeds, float(done), code=int(len(deeds) == 6))


def learn(folder: Path, episodes: list[Episode], text: str = JOB) -> StandIn:
    (folder / "episodes.jsonl").write_text("\n".join(lines(episodes)))
    job = StandIn(folder, text)
    work(cast(Job, job), read(job.recipe, job.file))
    return job


def solved(policy: Policy, count: int) -> float:
    rng = random.Random("held out")
    won = [play(n, draw(rng), policy, rng).reward or 0.0 for n in range(count)]
    return sum(won) / count


def test_right_tool_is_learnt_from_an_agent_that_is_often_wrong(tmp_path: Path) -> None:
    rng = random.Random(0)
    logged = [play(n, draw(rng), None, rng) for n in range(800)]
    before = sum(one.reward or 0.0 for one in logged) / len(logged)
    assert before < 0.45
    job = learn(tmp_path, logged)
    (published,) = job.published
    assert published["scores"]["agreement"] > 0.85
    assert published["data"]["episodes"] == 800
    policy = load(published["folder"])
    assert set(policy.actions) == {*TOOLS, ANSWER}
    assert solved(policy, 200) > 0.85
    # The control: the same episodes, worth what others of them were.
    worth = [one.reward for one in logged]
    rng.shuffle(worth)
    mixed = [
        episode(one.pid, one.task or "", one.deeds, value, one.exit_code or 0)
        for one, value in zip(logged, worth, strict=True)
    ]
    control = tmp_path / "control"
    control.mkdir()
    assert solved(load(learn(control, mixed).published[0]["folder"]), 200) < before


def test_stopped_job_goes_on_to_the_same_policy(tmp_path: Path) -> None:
    rng = random.Random(1)
    logged = [play(n, draw(rng), None, rng) for n in range(60)]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
        (folder / "episodes.jsonl").write_text("\n".join(lines(logged)))
    once, first, second = StandIn(whole, JOB), StandIn(parts, JOB, stop=3), StandIn(parts, JOB)
    work(cast(Job, once), read(once.recipe, once.file))
    with pytest.raises(Stopped):
        work(cast(Job, first), read(first.recipe, first.file))
    work(cast(Job, second), read(second.recipe, second.file))
    assert second.begun == [(8, 3)]
    ours, theirs = (load(one.published[0]["folder"]) for one in (once, second))
    course = Course(task="Store 7 as x")
    assert ours.scores(course) == theirs.scores(course)


def test_decisions_of_tools_hold_the_history_and_end_in_the_answer() -> None:
    deeds = [
        deed(1, "model.chat", None, policy="m:1"),
        deed(2, "tool.call", "clock", "9"),
        deed(3, "memory.put", "user"),
        deed(4, "tool.call", "calculator", "error: no"),
    ]
    found = decisions(episode(7, "do", deeds, 2.0), "tool")
    assert [(one.action, one.reward) for one in found] == [
        ("clock", 0.0), ("calculator", 0.0), (ANSWER, 2.0),
    ]  # fmt: skip
    assert found[1].course.steps == (("clock", "number"),)
    assert found[2].course.steps == (("clock", "number"), ("calculator", "failed"))
    assert found[0].after == found[1].course and found[2].after is None
    failed = decisions(episode(7, "do", deeds, -1.0, code=1), "tool")
    assert [one.action for one in failed] == ["clock", "calculator"] and failed[-1].reward == -1.0
    assert decisions(replace(episode(7, "do", deeds, 1.0), whole=False), "tool") == []


def test_which_model_and_which_strategy_are_decisions_too() -> None:
    plan = deed(2, "plan.solve", None, action={"task": "sum", "strategy": "beam"})
    usual = deed(3, "plan.solve", None, action={"task": "more"})
    deeds = [deed(1, "model.chat", None, policy="m:1"), plan, usual]
    made = episode(7, "do", deeds, 1.0)
    assert [one.action for one in decisions(made, "model")] == ["m:1"]
    found = decisions(made, "strategy")
    assert [(one.course.task, one.action) for one in found] == [
        ("sum", "beam"), ("more", "best-of-k"),
    ]  # fmt: skip


def test_course_of_another_history_has_other_features() -> None:
    one = Course(task="Store 7 as x")
    other = replace(one, steps=(("clock", "number"),))
    assert set(places(one, 2**20)) != set(places(other, 2**20))
    assert places(one, 64) == places(Course.of(one.record()), 64)
    assert places(one, 2**20) == places(replace(one, task="store 12 as X"), 2**20)
    with pytest.raises(InvalidArgument):
        Course.of({"steps": []})
    with pytest.raises(InvalidArgument):
        Course.of({"task": "x", "steps": [["a"]]})


@pytest.mark.parametrize(
    ("episodes", "text", "message"),
    [
        ([], JOB, "no episodes"),
        ([episode(1, "a", [], None)], JOB, "nobody has said"),
        ([episode(n, "a", [], 1.0) for n in range(3)], JOB, "worth the same"),
        (
            # What failed before it chose anything tells nothing.
            [*(episode(n, "a", [], 1.0) for n in range(3)), episode(3, "a", [], 0.0, code=1)],
            JOB,
            "all episodes that choose a tool are worth the same, 1:",
        ),
        (
            [episode(n, "a", [], float(n)) for n in range(3)],
            JOB.replace("jsonl'", "jsonl'").replace(
                "[learning]", 'action = "strategy"\n[learning]'
            ),
            "no episode chooses a strategy",
        ),
        ([episode(1, "a", [], 1.0)], JOB.replace("episodes.jsonl", "absent.jsonl"), "absent"),
        (
            [episode(1, "a", [], 1.0)],
            JOB.replace("marks = true", "verifier = 'no.py:f'"),
            "verifier no.py",
        ),
    ],
    ids=["empty", "unrewarded", "equal", "undecided", "strategy", "missing", "verifier"],
)
def test_where_there_is_nothing_to_learn_it_is_said(
    tmp_path: Path, episodes: list[Episode], text: str, message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        learn(tmp_path, episodes, text)


def test_episodes_of_a_name_are_read_page_by_page(tmp_path: Path) -> None:
    rng = random.Random(1)
    logged = [play(n, draw(rng), None, rng) for n in range(1, 41)]

    class Asking(StandIn):
        """A job that reads its children's episodes, seven at a time."""

        os = property(lambda self: self)
        learning = property(lambda self: self)

        def trajectories(self, name: str, after: int) -> list[Episode]:
            assert name == "clerk*"
            return [one for one in logged if one.pid > after][:7]

        def ask(self, answer: list[Episode]) -> list[Episode]:
            return answer

    job = Asking(tmp_path, JOB.replace('file = "episodes.jsonl"', 'name = "clerk*"'))
    recipe = read(job.recipe, job.file)
    assert recipe.episodes is not None
    assert gather(cast(Job, job), recipe.episodes) == logged


def test_recipe_for_episodes_is_checked(tmp_path: Path) -> None:
    for old, new, message in (
        ("passes = 8", "episodes = 8", r"\[learning\] knows no episodes"),
        ('file = "episodes.jsonl"', "held_out = 2", "either file or name"),
        ('algorithm = "q"', 'algorithm = "dqn"', "algorithm q alone"),
    ):
        job = StandIn(tmp_path, JOB.replace(old, new))
        with pytest.raises(InvalidArgument, match=message):
            read(job.recipe, job.file)
