"""Agents that call tools, on the real daemon and the real engine, with too little memory for all.

The model is an untrained Llama, so that replies have the length that they are asked for; its pages
hold few of the agents' conversations at a time. Three scenes, each agent in a process of its own:

- Agents of very different lengths arrive at random, one in ten of which asks several calls at once.
  They run under `fifo` and under `program`, in turns. What gives pages back is our own policy under
  both, not the plain LRU that others have: the comparison is of the ranks alone.
- A person's agent asks for short replies while agents without pause keep the device full.
- Agents that are all alike ask without pause; how alike is what they get?
"""

from __future__ import annotations

import asyncio
import math
import random
import shutil
import socket
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from llmagentos.drivers import inference
from llmagentos.syscalls.client import connect
from llmagentos.syscalls.os import OS

from .daemon import daemon
from .report import asked, report

#: Tokens that the device's pages hold.
POOL = 3072
#: Agents of the first scene, their turns (median, width, most), and how many times as fast as the
#: device works what they ask for comes in.
AGENTS, TURNS, LOAD = 75, (4, 1.0, 30), 2.0
#: One agent in so many explores: it asks so many calls at once, and for longer replies.
WIDE, BREADTH, WIDE_TURNS, WIDE_TOKENS = 15, 16, (8, 0.5, 16), 64
#: Words of each question, tokens at which a conversation is cut, and those of each reply.
WORDS, MOST, TOKENS = 32, 600, 16
#: Agents of the other scenes and their seconds; a person's questions, and their words.
CROWD, SECONDS, COUNT, LONG = 16, 20.0, 60, 160
#: A process that does what its task says, and tells whoever has asked.
AGENT = """
import asyncio, random, time

WORDS = "the a one two three four five six seven eight nine ten and or of to in on at by".split()


def text(rng, words):
    return " ".join(rng.choice(WORDS) for _ in range(words))


async def work(os, plan):
    # Takes its turns; a conversation that grows too long is cut to its last half.
    rng, said, tokens, length = random.Random(plan["seed"]), [], 0, 0
    for breadth, seconds in plan["turns"]:
        if length > plan["most"]:
            said = said[len(said) // 2:]
        said.append({"role": "user", "content": text(rng, plan["words"])})
        asks = [os.model.chat(said, max_tokens=plan["tokens"], temperature=1.0, seed=number)
                for number in range(breadth)]
        replies = await asyncio.gather(*asks)
        tokens += sum(one.usage.output_tokens for one in replies)
        length = replies[0].usage.input_tokens
        said.append({"role": "assistant", "content": replies[0].content or "nothing"})
        await asyncio.sleep(seconds)
    return tokens


async def flood(os, plan):
    # Asks without a pause until its time is over.
    rng, tokens, end = random.Random(plan["seed"]), 0, time.monotonic() + plan["seconds"]
    while time.monotonic() < end:
        ask = [{"role": "user", "content": text(rng, plan["words"])}]
        reply = await os.model.chat(ask, max_tokens=plan["tokens"], temperature=1.0, seed=1)
        tokens += reply.usage.output_tokens
    return tokens


async def talk(os, plan):
    # Asks now and then, and looks at how long the first token takes.
    rng, times = random.Random(plan["seed"]), []
    for number in range(plan["count"]):
        ask = [{"role": "user", "content": text(rng, plan["words"])}]
        start = time.monotonic()
        async for _ in os.model.stream(ask, max_tokens=plan["tokens"]):
            if len(times) == number:
                times.append(time.monotonic() - start)
        await asyncio.sleep(plan["pause"])
    return times


async def main(os, task):
    letter = await os.ipc.recv()
    plan = letter.body
    try:
        outcome = await {"work": work, "flood": flood, "talk": talk}[plan["kind"]](os, plan)
    except Exception as error:
        outcome = str(error)
    await os.ipc.send(letter.sender, [plan["number"], outcome, time.monotonic()])
"""


def build(folder: Path, hidden: int, layers: int) -> None:
    """Write an untrained model, with the tokenizer of the one that is shipped."""
    from transformers import AutoTokenizer
    from transformers.utils import logging

    from .untrained import llama

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    shipped = Path(inference.__file__).parent / "embedded"
    tokenizer = AutoTokenizer.from_pretrained(shipped)
    rest = {"max_position_embeddings": 2048, "eos_token_id": None, "pad_token_id": 0}
    made = llama(len(tokenizer), hidden, 3 * hidden, layers, heads=8, **rest)
    made.save_pretrained(folder)
    for file in shipped.glob("*token*"):
        shutil.copy(file, folder)
    shutil.copy(shipped / "chat_template.jinja", folder)


class Stage:
    """A daemon, and the agents on it."""

    def __init__(self, os: OS, program: Path) -> None:
        self.os = os
        self._program = program
        self._numbers = 0
        #: When each agent has ended and with what, by its number.
        self.ended: dict[int, tuple[float, Any]] = {}

    async def start(self, kind: str, **plan: Any) -> int:
        """Start an agent; return its number."""
        self._numbers += 1
        pid = await self.os.process.spawn(str(self._program), remove=True)
        await self.os.ipc.send(pid, {"kind": kind, "number": self._numbers, **plan})
        return self._numbers

    async def outcomes(self, *numbers: int) -> list[Any]:
        """Return what agents say at their end."""
        while not self.ended.keys() >= set(numbers):
            number, outcome, at = (await self.os.ipc.recv()).body
            if isinstance(outcome, str):
                raise SystemExit(f"an agent has failed: {outcome}")
            self.ended[number] = (at, outcome)
        return [self.ended[number][1] for number in numbers]


@dataclass(frozen=True, slots=True)
class Completion:
    """How the agents of the first scene did under one policy."""

    #: Mean seconds from arrival to end, and tokens written a second until the last has ended.
    mean: float
    rate: float


def draw(rng: random.Random) -> list[dict[str, Any]]:
    """Return what the agents of the first scene are to do."""
    plans: list[dict[str, Any]] = []
    for index in range(AGENTS):
        wide = index % WIDE == 0
        median, width, most = WIDE_TURNS if wide else TURNS
        turns = min(1 + int(rng.lognormvariate(math.log(median), width)), most)
        tools = [min(rng.lognormvariate(math.log(0.05), 1.0), 2.0) for _ in range(turns)]
        plans.append(
            {
                "seed": rng.getrandbits(32),
                "turns": [[BREADTH if wide else 1, tool] for tool in tools],
                "tokens": WIDE_TOKENS if wide else TOKENS,
                "words": WORDS,
                "most": MOST,
            }
        )
    return plans


async def crowd(stage: Stage, policy: str, seed: int, speed: float) -> Completion:
    """Let agents of very different lengths arrive and end, on a device that writes `speed` tokens a
    second."""
    await stage.os.device.schedule("inference", policy)
    rng = random.Random(seed)
    plans = draw(rng)
    wanted = sum(calls * one["tokens"] for one in plans for calls, _ in one["turns"])
    gap = wanted / speed / LOAD / AGENTS
    numbers, arrived = [], []
    start = at = time.monotonic()
    for plan in plans:
        arrived.append(time.monotonic())
        numbers.append(await stage.start("work", **plan))
        at += rng.expovariate(1 / gap)
        await asyncio.sleep(max(at - time.monotonic(), 0))
    tokens = sum(await stage.outcomes(*numbers))
    ends = [stage.ended[number][0] for number in numbers]
    times = [end - begin for begin, end in zip(arrived, ends, strict=True)]
    return Completion(statistics.mean(times), tokens / (max(ends) - start))


async def flood(stage: Stage, seconds: float, seed: int) -> list[int]:
    """Start agents that keep the device full; return their numbers."""
    plan = {"seconds": seconds, "words": WORDS, "tokens": WIDE_TOKENS}
    return [await stage.start("flood", seed=seed + one, **plan) for one in range(CROWD)]


async def first_token(stage: Stage, seed: int) -> float:
    """Return the 95th percentile of a person's agent's seconds to the first token."""
    number = await stage.start("talk", seed=seed, count=COUNT, words=LONG, tokens=8, pause=0.1)
    (times,) = await stage.outcomes(number)
    return statistics.quantiles(times[1:], n=20)[-1]


async def beside_crowd(stage: Stage, seed: int) -> tuple[float, float]:
    """Return that percentile while others keep the device full, and how evenly those were served
    (Jain's index)."""
    numbers = await flood(stage, SECONDS, seed)
    await asyncio.sleep(1)
    slow = await first_token(stage, seed)
    got = await stage.outcomes(*numbers)
    return slow, sum(got) ** 2 / (len(got) * sum(one * one for one in got))


async def measure(path: Path, rounds: int) -> dict[str, float]:
    """Return the figures, each the median of all rounds."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    os = OS(await connect(sock))
    await os.model.chat([{"role": "user", "content": "Are you there?"}], max_tokens=1)
    program = path.parent / "agent.py"
    program.write_text(AGENT)
    stage = Stage(os, program)
    seen: dict[str, list[float]] = {}
    for turn in range(rounds):
        speed = sum(await stage.outcomes(*await flood(stage, 4.0, turn))) / 4.0
        done = {name: await crowd(stage, name, turn, speed) for name in ("fifo", "program")}
        idle = await first_token(stage, turn)
        busy, jain = await beside_crowd(stage, turn)
        for name, figure in {
            "completion_ratio": done["program"].mean / done["fifo"].mean,
            "throughput_ratio": done["program"].rate / done["fifo"].rate,
            "interactive_ttft_ratio": busy / idle,
            "jain": jain,
            "fifo_completion_s": done["fifo"].mean,
            "program_completion_s": done["program"].mean,
            "fifo_tokens_per_second": done["fifo"].rate,
            "program_tokens_per_second": done["program"].rate,
            "idle_ttft_ms": idle * 1000,
            "busy_ttft_ms": busy * 1000,
        }.items():
            seen.setdefault(name, []).append(figure)
        print({name: round(figures[-1], 3) for name, figures in seen.items()}, flush=True)
    os.client.close()
    return {name: statistics.median(figures) for name, figures in seen.items()}


def main() -> None:
    """Run the benchmark."""
    parser = asked("scheduling", __doc__, rounds=3)
    parser.add_argument("--hidden", type=int, default=256, help="width of the model")
    parser.add_argument("--layers", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        build(model, options.hidden, options.layers)
        settings = {"MODEL": f"hf:{model}", "TOKENS": POOL, "SWAP": 16 * POOL, "THREADS": 1}
        environment = {
            f"LLMAGENTOS_DRIVERS__INFERENCE__SETTINGS__{name}": str(value)
            for name, value in settings.items()
        }
        with daemon(Path(folder) / "state", **environment) as path:
            figures = uvloop.run(measure(path, options.rounds))
    report(figures, options)


if __name__ == "__main__":
    main()
