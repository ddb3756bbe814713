"""Learning through a running daemon: a job from its file to a model that answers, and what is
refused on the way."""

from __future__ import annotations

import json
import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, Done, House

JOB = """
runtime = "learn"
name = "{name}"
[job]
kind = "pretrain"
[objective]
kind = "causal"
[corpus]
files = ["lines.txt"]
[tokenizer]
vocabulary = 300
[model]
architecture = "llama"
length = 32
hidden = 32
layers = 1
heads = 2
[training]
steps = {steps}
batch = 8
rate = 3e-3
checkpoint_every = 20
evaluate_every = 100
"""
#: Begins a job and leaves it to whoever comes.
HOLDER = """
import asyncio
async def main(os, task):
    print(await os.learning.begin("rl", "held", {"a": 1}), flush=True)
    await asyncio.Event().wait()
"""
FORGER = """
import json
async def main(os, task):
    from llmagentos.syscalls.errors import LLMAgentOSError
    learning, job, codes = os.learning, int(task), []
    for call in (
        learning.report(job, 99, {"loss": 0.0}),
        learning.finish(job, "succeeded"),
        learning.publish("forged", "m", job=job),
        learning.begin("rl", "held", {"a": 1}),
        learning.adopt("mine", "/etc"),
        learning.promote("embedded", overrule=True),
        learning.discard("twin"),
        learning.rollback(),
    ):
        try:
            await call
            codes.append("none")
        except LLMAgentOSError as error:
            codes.append(error.code)
    print(json.dumps(codes))
"""
SMUGGLER = """
import json, os as machine
async def main(os, task):
    from llmagentos.syscalls.errors import LLMAgentOSError
    await os.learning.fetch("embedded", "model")
    machine.symlink(task, "model/extra.json")
    codes = []
    for name, folder in (("loot", "model"), ("loot", task), ("../loot", "model")):
        try:
            await os.learning.publish(name, folder)
            codes.append("none")
        except LLMAgentOSError as error:
            codes.append(error.code)
    machine.unlink("model/extra.json")
    codes.append((await os.learning.publish("honest", "model")).name)
    print(json.dumps(codes))
"""
ADDER = """
async def main(os, task):
    await os.tool.call("calculator", {"expression": "6*7"})
"""


def write(folder: Path, name: str, steps: int = 60) -> str:
    """Write a job and what it learns from, which is always the same."""
    drawn = random.Random(0)
    words = [["the cat", "a dog", "my sister"], ["sees", "likes"], ["the house", "a hill", "it"]]
    texts = [
        " ".join(" ".join(map(drawn.choice, words)) + "." for _ in range(6)) for _ in range(300)
    ]
    (folder / "lines.txt").write_text("\n\n".join(texts))
    path = folder / f"{name}.toml"
    path.write_text(JOB.format(name=name, steps=steps))
    return str(path)


def newest(house: House) -> dict[str, Any]:
    found: list[dict[str, Any]] = house.aos("learn", "jobs", "-n", "1", "--json").json()
    return found[0] if found else {"name": None}


@pytest.mark.slow
def test_job_becomes_a_model_with_curves_card_and_page(own: House, tmp_path: Path) -> None:
    file = write(tmp_path, "small")
    ran = own.aos("learn", "pretrain", file, timeout=300)
    job = newest(own)
    assert (job["name"], job["state"], job["step"], job["total"]) == ("small", "succeeded", 60, 60)
    assert f"job {job['id']} begins" in ran.err and "step 60/60" in ran.err
    assert "model small: causal" in ran.out and "perplexity" in ran.out

    shown = own.aos("learn", "show", str(job["id"])).out
    assert "succeeded" in shown and '"vocabulary": 300' in shown
    curves = own.aos("learn", "curves", str(job["id"]), "--name", "loss", "--json").json()
    assert curves[-1]["step"] == 60 and curves[-1]["value"] < curves[0]["value"]
    assert "loss: " in own.aos("learn", "curves", str(job["id"])).out
    page = tmp_path / "job.html"
    own.aos("learn", "show", str(job["id"]), "--html", str(page))
    assert "<svg" in page.read_text() and "Model small" in page.read_text()

    [card] = [one for one in own.aos("learn", "models", "--json").json() if one["name"] == "small"]
    assert card == own.aos("learn", "card", "small", "--json").json()
    assert (card["job"], card["kind"]) == (job["id"], "causal") and card["scores"]
    own.aos("learn", "discard", "small")
    assert own.aos("learn", "card", "small", check=False).code == 1


@pytest.mark.slow
def test_killed_job_is_lost_and_the_same_command_goes_on(own: House, tmp_path: Path) -> None:
    file = write(tmp_path, "long", steps=1200)
    pid = own.aos("learn", "pretrain", file, "-d").out.strip()
    victim = own.aos("inspect", pid, "--json").json()["os_pid"]
    while not ((job := newest(own))["name"] == "long" and job["step"] >= 40):
        assert own.aos("inspect", pid, "--json").json()["state"] != "zombie"
    os.kill(victim, signal.SIGKILL)
    assert own.aos("wait", pid, check=False).code == 137
    lost = newest(own)
    assert (lost["id"], lost["state"]) == (job["id"], "lost")

    ran = own.aos("learn", "pretrain", file, "--json", timeout=300)
    first, *_, last = (json.loads(line) for line in ran.out.splitlines())
    assert first["since"] >= 40 and first["since"] % 20 == 0
    assert (last["id"], last["state"], last["step"]) == (job["id"], "succeeded", 1200)
    again = own.aos("learn", "pretrain", file, "--fresh", "-d").out.strip()
    own.aos("stop", again)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[", "bad.toml"),
        ("\udcff", "bad.toml"),
        ('name = "agent"', 'needs runtime = "learn"'),
        ('runtime = "learn"', "kind under [job]"),
        ('runtime = "learn"\njob = 5', "kind under [job]"),
        ('runtime = "learn"\n[job]\nkind = "rl"', "aos learn rl"),
        ('runtime = "learn"\n[job]\nkind = "magic"', "'magic'"),
        ('runtime = "learn"\nname = "a/b"\n[job]\nkind = "pretrain"', "a/b"),
        ('runtime = "learn"\nbudget = 5\n[job]\nkind = "pretrain"', "budget"),
        ("budgets = 5" + JOB.format(name="bad", steps=5), "budgets"),
        (JOB.format(name="bad", steps=0), "steps"),
        (JOB.format(name="bad", steps=5), "lines.txt"),
    ],
)
def test_bad_job_file_is_refused_in_one_line(
    own: House, tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    ran: Done = own.aos("learn", "pretrain", str(path), check=False)
    assert ran.code == 1
    lines = [one for one in (ran.out + ran.err).splitlines() if one.startswith("aos: ")]
    assert len(lines) == 1 and said in lines[0]


def test_missing_files_and_jobs_are_named(own: House) -> None:
    assert own.aos("learn", "rl", "nowhere.toml", check=False).code == 2
    for words in (
        ("show", "999"), ("curves", "999"), ("card", "nobody"), ("discard", "nobody"),
        ("promote", "nobody"), ("rollback",), ("show", "999", "--html", "/tmp/never.html"),
    ):  # fmt: skip
        ran = own.aos("learn", *words, check=False)
        assert ran.code == 1 and ran.err.startswith("aos: ENOENT: "), words
    assert not Path("/tmp/never.html").exists()


def test_agent_speaks_for_no_job_of_another_and_decides_on_no_model(
    own: House, tmp_path: Path
) -> None:
    pid = own.aos("run", "-d", own.program("holder.py", HOLDER)).out.strip()
    job = own.first_line(pid)
    ran = own.aos("run", "-q", own.program("forger.py", FORGER), "--task", job)
    assert json.loads(ran.out) == ["ENOENT"] * 3 + ["EEXIST"] + ["EPERM"] * 4
    found = own.aos("learn", "show", job, "--json").json()
    assert (found["state"], found["step"], found["metrics"]) == ("running", 0, {})
    own.aos("kill", "-s", "KILL", pid)
    own.aos("wait", pid, check=False)
    assert own.aos("learn", "show", job, "--json").json()["state"] == "lost"


def test_model_with_a_link_out_of_its_folder_is_not_taken(own: House, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    ran = own.aos("run", "-q", own.program("smuggler.py", SMUGGLER), "--task", str(secret))
    assert json.loads(ran.out) == ["EPERM", "EPERM", "EINVAL", "honest"]
    names = [one["name"] for one in own.aos("learn", "models", "--json").json()]
    assert "honest" in names and "loot" not in names
    own.aos("learn", "discard", "honest")


@pytest.mark.slow
def test_model_answers_past_the_gate_alone_or_as_a_person_overrules_it(own: House) -> None:
    folder = str(ROOT / "drivers/inference/embedded")
    own.aos("learn", "adopt", "twin", folder)
    hello = 'messages=[{"role": "user", "content": "hello"}]'
    own.aos("call", "model.chat", hello, "max_tokens=2", timeout=300)  # once it has loaded
    before = own.aos("model", "ls", "--json").json()[0]
    refused = own.aos("learn", "promote", "twin", check=False)
    assert refused.code == 1 and "EPERM" in refused.err and "overrule" in refused.err
    assert own.aos("model", "ls", "--json").json()[0] == before

    own.aos("learn", "promote", "twin", "--overrule", timeout=300)
    assert own.aos("model", "ls", "--json").json()[0]["target"].endswith("/twin")
    kept = own.aos("learn", "discard", "twin", check=False)
    assert kept.code == 1 and "answers" in kept.err
    assert "overruled" in own.aos("learn", "promotions").out
    own.aos("learn", "rollback", timeout=300)
    assert own.aos("model", "ls", "--json").json()[0]["target"] == "embedded"
    own.aos("learn", "discard", "twin")


def test_episodes_are_rewarded_shown_and_written(own: House, tmp_path: Path) -> None:
    text = (
        'async def main(os, task):\n    await os.tool.call("calculator", {"expression": "6*7"})\n'
    )
    own.aos("run", "-q", own.program("adder.py", text), "--task", "sums")
    own.aos("reward", "adder", "0.5", "--note", "slow")
    own.aos("reward", "adder", "1")
    out = own.aos("learn", "trajectories", "--name", "add*", "--jsonl", "-").out
    [episode] = map(json.loads, out.splitlines())
    assert (episode["reward"], episode["task"], episode["exit_code"]) == (1.0, "sums", 0)
    assert [one["subject"] for one in episode["deeds"]] == ["calculator"]
    assert "sums" in own.aos("learn", "trajectories", "--pid", "adder").out
    file = tmp_path / "deeds.parquet"
    ran = own.aos("learn", "trajectories", "--parquet", str(file), check=False)
    try:
        from pyarrow import parquet
    except ImportError:
        assert ran.code == 1 and "pip install pyarrow" in ran.err
    else:
        assert "calculator" in parquet.read_table(file)["subject"].to_pylist()
    assert own.aos("reward", "adder", "nan", check=False).code == 1
    assert own.aos("reward", "999999", "1", check=False).code == 1
