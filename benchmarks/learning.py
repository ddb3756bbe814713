"""What learning by reinforcement is worth, and what is left of it where rewards mean nothing.

A model that was stopped early in its training learns from its agents' episodes, and then another
time from the same tasks with the rewards dealt out anew among all agents. Both are tried beside it
on the same held-out tasks, through the live daemon. Everything else is the same.
"""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from pathlib import Path

from llmagentos.examples.learn.demo import HELDOUT, KINDS, LEARNT, PHRASES
from llmagentos.services.learning.embedded.cases import cases
from llmagentos.syscalls.client import connect
from llmagentos.syscalls.learning import JobInfo, Verdict
from llmagentos.syscalls.os import OS

from .daemon import daemon
from .report import asked, report

EXAMPLES = Path(__file__).parents[1] / "examples" / "learn"


def write(folder: Path, seconds: float, tasks: int) -> None:
    """Write the jobs and their tasks: `real` and `control`, and an examination for each."""
    for name, count, seed in (("tasks", 2000, LEARNT), ("heldout", tasks, HELDOUT)):
        lines = (
            json.dumps(one, ensure_ascii=False)
            for one in cases(count, seed, kinds=KINDS, phrases=PHRASES)
        )
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    course = (EXAMPLES / "demo-rl.toml").read_text()
    course = course.replace("seconds = 420", f"seconds = {seconds:g}")
    trial = (EXAMPLES / "demo-evaluate.toml").read_text()
    for name, more in (("real", ""), ("control", "\nshuffle_rewards = true")):
        text = course.replace('"course"', f'"{name}"').replace('"graduate"', f'"{name}"{more}\n#')
        (folder / f"{name}.toml").write_text(text)
        text = trial.replace('"examination"', f'"trial-{name}"').replace('"graduate"', f'"{name}"')
        (folder / f"trial-{name}.toml").write_text(text)


async def run(os: OS, folder: Path, name: str) -> JobInfo:
    """Run a job to its end; what it has written is shown."""
    pid = await os.process.spawn(str(folder / f"{name}.toml"))
    ended = await os.process.wait(pid)
    lines = [one.text async for one in os.process.logs(pid, tail=40)]
    print("\n".join(lines))
    job = next(one for one in await os.learning.jobs() if one.pid == pid)
    seconds = (job.ended or job.started) - job.started
    print(f"{name}: {job.state} at step {job.step} after {seconds:.0f} s ({ended.code})")
    return job


async def measure(path: Path, folder: Path) -> dict[str, float]:
    """Return the figures of both courses."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    os = OS(await connect(sock))
    try:
        # It is answered as soon as there is a model.
        await os.model.chat([{"role": "user", "content": "hello"}])
        await os.learning.adopt("beginner", str(EXAMPLES / "undertrained"))
        await os.learning.promote("beginner", overrule=True)
        verdicts: dict[str, Verdict] = {}
        figures: dict[str, float] = {}
        for name in ("real", "control"):
            job = await run(os, folder, name)
            figures[f"{name}_rounds"] = job.step
            await run(os, folder, f"trial-{name}")
            verdicts[name] = (await os.learning.card(name)).verdicts[-1]
        real = verdicts["real"]
        return {
            "gain": gain(real),
            "control_gain": gain(verdicts["control"]),
            "tasks": real.tasks,
            "before": 100 * real.baseline_solved / real.tasks,
            "after": 100 * real.solved / real.tasks,
            "p": real.p,
            **figures,
        }
    finally:
        os.client.close()


def gain(verdict: Verdict) -> float:
    """Return the percentage points that it has solved more."""
    return 100 * (verdict.solved - verdict.baseline_solved) / verdict.tasks


def main() -> None:
    """Run the benchmark."""
    parser = asked("learning", __doc__)
    parser.add_argument("--seconds", type=float, default=420, help="of each course")
    parser.add_argument("--tasks", type=int, default=300, help="that are held out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "jobs"
        folder.mkdir()
        write(folder, options.seconds, options.tasks)
        with daemon(Path(name) / "state") as path:
            figures = asyncio.run(measure(path, folder))
    report(figures, options)


if __name__ == "__main__":
    main()
