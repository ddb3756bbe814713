"""A model learns from its agents, and is tried and promoted, through the live daemon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmagentos.services.learning.embedded.cases import cases

from .conftest import ROOT, House

pytestmark = pytest.mark.slow
EXAMPLES = ROOT / "examples" / "learn"
KINDS = ("recall", "store", "keys", "files")


@pytest.fixture(scope="module")
def school(make_house: Callable[..., House]) -> House:
    """A house whose store holds a beginner; the shipped model answers."""
    made = make_house()
    made.aos("start")
    made.when_ready()
    made.aos("learn", "adopt", "beginner", str(EXAMPLES / "undertrained"))
    return made


def suite(folder: Path, name: str, count: int, seed: int) -> None:
    lines = map(json.dumps, cases(count, seed, kinds=KINDS))
    (folder / f"{name}.jsonl").write_text("\n".join(lines))


def course(folder: Path, name: str, **changed: str) -> str:
    """Write a short course and return its file."""
    text = (EXAMPLES / "demo-rl.toml").read_text()
    settings = {
        "groups = 32": "groups = 4", "samples = 8": "samples = 4", "rounds = 40": "rounds = 3",
        '"course"': f'"{name}"', '"graduate"': f'"{name}"', **changed,
    }  # fmt: skip
    for old, new in settings.items():
        assert old in text, old
        text = text.replace(old, new)
    path = folder / f"{name}.toml"
    path.write_text(text)
    return str(path)


def trial(folder: Path, name: str, model: str, more: str = "") -> str:
    text = (EXAMPLES / "demo-evaluate.toml").read_text()
    text = text.replace('"examination"', f'"{name}"').replace('"graduate"', f'"{model}"{more}\n#')
    path = folder / f"{name}.toml"
    path.write_text(text)
    return str(path)


def answering(house: House) -> list[Any]:
    return [one["target"] for one in json.loads(house.aos("model", "ls", "--json").out)]


def test_a_course_gives_a_model_in_and_touches_nothing_else(school: House, tmp_path: Path) -> None:
    suite(tmp_path, "tasks", 40, 1)
    ran = school.aos("learn", "rl", course(tmp_path, "short"), "--json", timeout=200)
    job = json.loads(ran.out.splitlines()[-1])
    assert (job["state"], job["step"], job["models"]) == ("succeeded", 3, ["short"])
    assert 0 <= job["metrics"]["reward"] <= 1
    card = school.aos("learn", "card", "short", "--json").json()
    assert card["parent"] == "beginner"
    assert card["data"]["rounds"] == 3
    assert answering(school) == ["embedded"]
    agents = [one["name"] for one in school.aos("ps", "--all", "--json").json()]
    assert not any(one.startswith("pupil") for one in agents)


def test_a_model_that_is_worse_does_not_pass_the_gate(school: House, tmp_path: Path) -> None:
    suite(tmp_path, "heldout", 40, 7)
    ran = school.aos(
        "learn", "evaluate", trial(tmp_path, "exam", "beginner"), check=False, timeout=200
    )
    assert ran.code == 1
    assert "EPERM: the gate keeps beginner out" in ran.out + ran.err
    [verdict] = school.aos("learn", "card", "beginner", "--json").json()["verdicts"]
    assert (verdict["tasks"], verdict["baseline"], verdict["passed"]) == (40, "embedded", False)
    assert verdict["baseline_solved"] > verdict["solved"]
    refused = school.aos("learn", "promote", "beginner", check=False)
    assert refused.code != 0
    assert answering(school) == ["embedded"]


def test_a_model_that_is_better_is_promoted_and_taken_back(school: House, tmp_path: Path) -> None:
    suite(tmp_path, "heldout", 40, 7)
    school.aos("learn", "adopt", "shipped", str(ROOT / "drivers" / "inference" / "embedded"))
    school.aos("learn", "promote", "beginner", "--overrule")
    ran = school.aos("learn", "evaluate", trial(tmp_path, "final", "shipped"), timeout=200)
    assert "passes" in ran.err + ran.out
    school.aos("learn", "promote", "shipped")
    assert answering(school)[0].endswith("/shipped")
    school.aos("learn", "rollback")
    school.aos("learn", "rollback")
    assert answering(school)[0] == "embedded"


def test_a_course_that_was_killed_goes_on(school: House, tmp_path: Path) -> None:
    suite(tmp_path, "tasks", 40, 1)
    file = course(
        tmp_path, "killed",
        **{"check_every = 1000": "checkpoint_every = 1", "rounds = 40": "rounds = 6"},
    )  # fmt: skip
    watch = subprocess.Popen(
        [sys.executable, "-c", "from llmagentos.services.shell.main import main; main()",
         "learn", "rl", file],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=school.environment,
    )  # fmt: skip
    assert watch.stderr is not None
    for line in watch.stderr:
        # Whoever watches looks from time to time, and may not see each step.
        if line.startswith(("step 2/", "step 3/", "step 4/")):
            break
    [job] = [one for one in school.aos("ps", "--json").json() if one["name"] == "killed"]
    os.kill(job["os_pid"], signal.SIGKILL)
    watch.stderr.read()
    assert watch.wait(60) != 0
    watch.stderr.close()
    ran = school.aos("learn", "rl", file, timeout=200)
    assert "goes on" in ran.out + ran.err
    [known] = [
        one for one in school.aos("learn", "jobs", "--json").json() if one["name"] == "killed"
    ]
    assert (known["state"], known["step"]) == ("succeeded", 6)
    assert answering(school)[0] == "embedded" and len(answering(school)) == 1


def test_tasks_that_nobody_can_solve_teach_nothing(school: House, tmp_path: Path) -> None:
    one = {"id": "a", "task": "Say the word.", "tools": [], "expect": {"answer": "xyzzy-plugh"}}
    (tmp_path / "tasks.jsonl").write_text(json.dumps(one))
    file = course(tmp_path, "barren", **{"check_every = 1000": "patience = 2"})
    ran = school.aos("learn", "rl", file, check=False, timeout=200)
    assert ran.code == 1
    said = "EINVAL: in 2 rounds in a row the agents of each task did equally well"
    assert said in ran.out + ran.err
    assert len(answering(school)) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"samples = 8": "samples = 1"}, "[language] samples"),
        ({"rate = 1e-3": "speed = 1"}, "[language] knows no speed"),
        ({'"goal"': '"goals"'}, "the verifier 'goals' is none of"),
        ({'"tasks.jsonl"': '"none.jsonl"'}, "the suite none.jsonl: No such file"),
        ({'"beginner"': '"nobody"'}, "nobody"),
        ({"reply_tokens = 64": "reply_tokens = 0"}, "[agent] reply_tokens"),
    ],
)
def test_what_is_wrong_with_a_course_is_said_in_one_line(
    school: House, tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    suite(tmp_path, "tasks", 4, 1)
    ran = school.aos("learn", "rl", course(tmp_path, "wrong", **changed), check=False)
    assert ran.code == 1
    [line] = [one for one in (ran.out + ran.err).splitlines() if one.startswith("aos: ")]
    assert said in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no tasks"),
        ('{"id": "a", "task": "x"}\n{"id": "a", "task": "x"}', "line 2: the id a is that of line"),
        ('{"id": "a", ', "line 1: Invalid JSON"),
    ],
)
def test_what_is_wrong_with_a_suite_is_said_in_one_line(
    school: House, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "heldout.jsonl").write_text(text)
    file = trial(tmp_path, "wrong-suite", "beginner")
    ran = school.aos("learn", "evaluate", file, check=False)
    assert ran.code == 1
    assert said in ran.out + ran.err
