"""Our engine beside transformers' own ways to serve many requests, on one model in one run.

32 requests of random tokens each, all of them at once, greedy, rounds alternate. On a processor
prompts have 128 tokens and replies 64, there is one thread, and figures are tokens per second of
CPU, so that other work on the machine does not count; what follows about int8 is explained in
`benchmarks.int8`. With `--device cuda` the model has 1.2 billion parameters in 16 bits, prompts 512
tokens and replies 128, and figures are tokens per second.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from typing import Any

import torch
from transformers.utils import logging

from llmagentos.drivers.inference.local.processor import settle

from . import int8
from .clock import clock
from .report import asked, report
from .serving import Continuous, Load, Ours, Sequential, Static, Tokens

#: By kind of device: tokens of a prompt and of a reply.
LENGTHS = {"cpu": (128, 64), "cuda": (512, 128)}


def rate(run: Callable[[Tokens], Tokens], prompts: Tokens, now: Callable[[], float]) -> float:
    """Return new tokens per second."""
    start = now()
    tokens = sum(map(len, run(prompts)))
    return tokens / (now() - start)


def sides(load: Load, options: argparse.Namespace) -> dict[str, Any]:
    """Return what is compared, by name, once that gives the same tokens."""
    ours, static = Ours(load, options.attention), Static(load)
    prompts = load.prompts()[:4]
    same = ours.run(prompts) == static.run(prompts)
    if not same and load.device == "cpu":  # in 16 bits two ways to add come to other tokens
        raise SystemExit("the engine's tokens differ from those of `generate`")
    found: dict[str, Any] = {"ours": ours, "static": static, "continuous": Continuous(load)}
    if options.sequential:
        found["sequential"] = Sequential(load)
    settle()
    return found


def measure(load: Load, options: argparse.Namespace) -> dict[str, float]:
    """Return the medians and the ratios."""
    now, prompts = clock(load.device), load.prompts()
    compared = sides(load, options)
    seen: dict[str, list[float]] = {name: [] for name in compared}
    for turn in range(options.rounds + (load.device != "cpu")):
        for name, side in compared.items():
            found = rate(side.run, prompts, now)
            print(f"{name} {found:.0f}", file=sys.stderr)
            # On a GPU the first one of all records and chooses.
            if turn or load.device == "cpu":
                seen[name].append(found)
    for side in compared.values():
        side.close()
    median = {name: statistics.median(figures) for name, figures in seen.items()}
    unit = "tokens_per_cpu_second" if load.device == "cpu" else "tokens_per_second"
    return {
        "vs_static": median["ours"] / median["static"],
        "vs_continuous": median["ours"] / median["continuous"],
        **{f"{name}_{unit}": figure for name, figure in median.items()},
        **(int8.measure(options.rounds) if load.device == "cpu" else {}),
    }


def main() -> None:
    """Run the benchmark."""
    parser = asked("engine", __doc__, rounds=3)
    parser.add_argument("--sequential", action="store_true", help="one by one as well, slowly")
    parser.add_argument("--device", choices=list(LENGTHS), default="cpu")
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--attention", default="auto", help="what attends in our engine")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    prompt, new = LENGTHS[options.device]
    load = Load(requests=options.requests, prompt=prompt, new=new, device=options.device)
    report(measure(load, options), options)


if __name__ == "__main__":
    main()
