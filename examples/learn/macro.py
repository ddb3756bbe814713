"""Which tool comes next, learnt from what clerks have done; all of it through the running system.

Clerks that take half of their tools by chance run errands, are rewarded by what they leave behind,
and a job learns from their journal. Then others run new errands by the policy that was learnt.

    aos run examples/learn/macro.py --task 1500     # so many clerks to learn from
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from llmagentos import OS
from llmagentos.syscalls.episodes import lines
from llmagentos.syscalls.errors import NotFound
from llmagentos.syscalls.learning import Episode, Reward

CLERK = str(Path(__file__).with_name("macro_clerk.py"))
JOB = """
runtime = "learn"
name = "NAME"
[job]
kind = "rl"
algorithm = "q"
[episodes]
file = "NAME.jsonl"
"""
AT_ONCE, HELD_OUT = 16, 150
#: Ways to ask, and the tools that it takes.
ERRANDS = (
    ("What is {n} plus {m}?", ("calculator",)),
    ("Calculate {n} times {m}", ("calculator",)),
    ("How much is {n} minus {m}?", ("calculator",)),
    ("Store the sum of {n} and {m} as {key}", ("calculator", "memory_put")),
    ("Compute {n} times {m} and store it as {key}", ("calculator", "memory_put")),
    ("Remember {n} as {key}", ("memory_put",)),
    ("Store {n} as {key}", ("memory_put",)),
    ("What is stored under {known}?", ("memory_get",)),
    ("Look up {known}", ("memory_get",)),
    ("Look up {known} and add {n}", ("memory_get", "calculator")),
    ("Forget {known}", ("memory_delete",)),
    ("Delete {known} from memory", ("memory_delete",)),
)


@dataclass(frozen=True, slots=True)
class Errand:
    """What a clerk is to do."""

    text: str
    tools: tuple[str, ...]
    #: What memory holds before, and is to hold after; None stands for nothing.
    before: dict[str, str]
    after: dict[str, str | None]
    #: What the answer is to say.
    says: str


def draw(rng: random.Random) -> Errand:
    """Return an errand with names and numbers of its own."""
    text, tools = rng.choice(ERRANDS)
    n, m = rng.randrange(2, 100), rng.randrange(2, 100)
    key, known = (
        f"{rng.choice(('total', 'price', 'room', 'code'))}{rng.randrange(10**6)}" for _ in "ab"
    )
    held = rng.randrange(2, 100)
    results = {"plus": n + m, "times": n * m, "minus": n - m, "sum": n + m, "add": held + n}
    result = next((value for word, value in results.items() if word in text), n)
    before = {known: str(held)} if "{known}" in text else {}
    after: dict[str, str | None] = {}
    if "memory_put" in tools:
        after[key] = str(result)
    if "memory_delete" in tools:
        after[known] = None
    elif before:
        after[known] = str(held)
    says = str(result) if "calculator" in tools else str(held) if "memory_get" in tools else ""
    said = text.format(n=n, m=m, key=key, known=known)
    return Errand(said, tools, before, after, says)


async def main(os: OS, task: str | None) -> int:
    """Collect, learn, and compare."""
    count = int(task or 600)
    rng = random.Random(7)
    seen = await run(os, [draw(rng) for _ in range(count)], "--noise", "0.5")
    await learn(os, "macro", seen)
    shuffled = [(errand, episode) for errand, episode, _ in seen]
    worth = [reward for *_, reward in seen]
    rng.shuffle(worth)
    mixed = [(*one, reward) for one, reward in zip(shuffled, worth, strict=True)]
    await learn(os, "macro-control", mixed)
    new = [draw(rng) for _ in range(HELD_OUT)]
    print(f"{HELD_OUT} new errands          right tool   done")
    for title, how, value in (
        ("half by chance", "--noise", "0.5"),
        ("learnt", "--policy", "macro"),
        ("learnt, rewards mixed", "--policy", "macro-control"),
    ):
        tried = await run(os, new, how, value)
        right = [one for errand, episode, _ in tried for one in choices(errand, episode)]
        done = sum(reward > 0 for *_, reward in tried) / len(tried)
        print(f"{title:<24} {sum(right) / len(right):10.1%} {done:8.1%}")
    return 0


Run = tuple[Errand, Episode, float]


async def run(os: OS, errands: Sequence[Errand], how: str, value: str) -> list[Run]:
    """Let clerks run errands, some at once, and reward each by what it leaves behind."""
    begun, gate = time.monotonic(), asyncio.Semaphore(AT_ONCE)

    async def one(errand: Errand) -> tuple[int, dict[str, str | None]]:
        async with gate:
            for key, held in errand.before.items():
                await os.memory.put(key, held)
            pid = await os.process.spawn(
                CLERK, task=errand.text, name="macro-clerk", arguments=[how, value], timeout=60.0
            )
            await os.process.wait(pid)
            return pid, {key: await _held(os, key) for key in errand.after}

    ended = await asyncio.gather(*map(one, errands))
    episodes: dict[int, Episode] = {}
    pids = [pid for pid, _ in ended]
    for first in range(0, len(pids), 50):
        part, after = pids[first : first + 50], 0
        while page := await os.learning.trajectories(pids=part, after=after):
            episodes |= {episode.pid: episode for episode in page}
            after = page[-1].pid
    found: list[Run] = []
    for errand, (pid, left) in zip(errands, ended, strict=True):
        episode = episodes[pid]
        reward = 1.0 if left == errand.after and says(episode, errand.says) else 0.0
        # A tool that was not needed has cost something.
        reward -= 0.1 * max(len(called(episode)) - len(errand.tools), 0)
        await os.learning.reward(pid, reward, by="macro")
        await os.process.remove(pid)
        found.append((errand, episode, reward))
    seconds = time.monotonic() - begun
    print(f"{len(errands)} errands {how} {value}: {seconds:.0f} s", flush=True)
    return found


async def learn(os: OS, name: str, runs: Sequence[Run]) -> None:
    """Write what was done to a file, and let a job learn from it."""
    episodes = [
        replace(
            episode, rewards=[Reward(pid=episode.pid, value=reward, by="macro", note=None, time=0)]
        )
        for _, episode, reward in runs
    ]
    job = await asyncio.to_thread(write, name, episodes)
    pid = await os.process.spawn(job, name=name)
    ended = await os.process.wait(pid)
    async for line in os.process.logs(pid):
        print(line.text, flush=True)
    if ended.code:
        raise SystemExit(f"the job has failed: {ended.reason}")


def write(name: str, episodes: Sequence[Episode]) -> str:
    """Write a job's file and its episodes into the home, and return the file's path."""
    Path(f"{name}.jsonl").write_text("\n".join(lines(episodes)))
    job = Path(f"{name}.toml").resolve()
    job.write_text(JOB.replace("NAME", name))
    return str(job)


def called(episode: Episode) -> list[str]:
    """Return the tools that a clerk has called, in order."""
    return [str(one.subject) for one in episode.deeds if one.syscall == "tool.call"]


def says(episode: Episode, wanted: str) -> bool:
    """Whether the last thing that a clerk has said holds a text."""
    replies = [one for one in episode.deeds if one.syscall == "model.chat"]
    last = replies[-1].action if replies else {}
    return bool(last.get("content")) and not last.get("tool_calls") and wanted in last["content"]


def choices(errand: Errand, episode: Episode) -> list[bool]:
    """Return which choices were right, up to the first wrong one; to answer is the last."""
    needed = [*errand.tools, "answer"]
    taken = [*called(episode), "answer"] if episode.exit_code == 0 else called(episode)
    found: list[bool] = []
    for one, other in zip(taken, needed, strict=False):
        found.append(one == other)
        if one != other:
            break
    return found


async def _held(os: OS, key: str) -> str | None:
    try:
        return str((await os.memory.get(key)).value)
    except NotFound:
        return None
