"""Our engine beside transformers' own ways to serve many requests, on one model in one run.

32 requests of 128 random tokens each, 64 new tokens each, greedy, one thread. Figures are tokens
per second of CPU, so that other work on the machine does not count; rounds alternate. What follows
about int8 is explained in `benchmarks.int8`.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import GenerationConfig
from transformers.utils import logging

from llmagentos.drivers.inference.contract import Delta, Meter, Owner, Sampling
from llmagentos.drivers.inference.local.context import Context
from llmagentos.drivers.inference.local.engine import PagedEngine
from llmagentos.drivers.inference.local.pager import Pager
from llmagentos.drivers.inference.local.runner import Runner
from llmagentos.drivers.inference.local.sampler import Sampler
from llmagentos.drivers.inference.local.sequence import Sequence

from . import int8
from .report import asked, report
from .untrained import llama

REQUESTS, PROMPT, NEW, PAGE = 32, 128, 64, 16


def build() -> Any:
    """Return an untrained Llama of 54 million parameters."""
    rest = {"max_position_embeddings": 1024, "eos_token_id": None, "pad_token_id": 0}
    return llama(32_000, 512, 1376, layers=8, heads=8, **rest)


class Ours:
    """The paged engine, without the driver around it."""

    def __init__(self) -> None:
        pages = REQUESTS * -(-(PROMPT + NEW) // PAGE)
        runner = Runner(build(), pages=pages, page_size=PAGE, contexts=REQUESTS)
        self._engine = PagedEngine(runner, Pager(pages, PAGE), contexts=REQUESTS)
        self._engine.start()

    def run(self, prompts: list[list[int]]) -> list[list[int]]:
        """Return each request's new tokens."""
        done, left = threading.Event(), len(prompts)

        def emit(delta: Delta) -> None:
            nonlocal left
            left -= delta.finish is not None
            if not left:
                done.set()

        contexts = [Context(1, "", list(prompt)) for prompt in prompts]
        for context in contexts:
            # Nothing is read from earlier texts: each round computes all of it.
            self._engine.open(context, cached=False)
            self._engine.submit(
                Sequence(
                    context,
                    limit=NEW,
                    sampler=Sampler(Sampling(), context.tokens),
                    decode=lambda tokens: "",
                    emit=emit,
                    fail=lambda error: print(f"failed: {error!r}"),
                    owner=Owner(pid=1),
                    meter=Meter(),
                    brings=PROMPT,
                )
            )
        done.wait()
        return [context.tokens[PROMPT:] for context in contexts]


class Static:
    """One batch of all requests through `generate`."""

    def __init__(self) -> None:
        self._model = build()

    def run(self, prompts: list[list[int]]) -> list[list[int]]:
        """Return each request's new tokens."""
        ids = torch.tensor(prompts)
        with torch.inference_mode():
            out = self._model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=NEW,
                min_new_tokens=NEW,
                do_sample=False,
            )
        found: list[list[int]] = out[:, PROMPT:].tolist()
        return found


class Sequential(Static):
    """One request after the other through `generate`."""

    def run(self, prompts: list[list[int]]) -> list[list[int]]:
        """Return each request's new tokens."""
        run = super().run
        return [run([prompt])[0] for prompt in prompts]


class Continuous:
    """Transformers' continuous batching."""

    def __init__(self) -> None:
        self._model = build()
        self._model.set_attn_implementation("sdpa")
        self._config = GenerationConfig(
            max_new_tokens=NEW, do_sample=False, eos_token_id=-1, pad_token_id=0
        )

    def run(self, prompts: list[list[int]]) -> list[list[int]]:
        """Return each request's new tokens."""
        out = self._model.generate_batch(
            inputs=prompts, generation_config=self._config, progress_bar=False
        )
        return [one.generated_tokens for one in out.values()]


def rate(run: Callable[[list[list[int]]], list[list[int]]], prompts: list[list[int]]) -> float:
    """Return new tokens per second of CPU."""
    start = time.process_time()
    tokens = sum(map(len, run(prompts)))
    return tokens / (time.process_time() - start)


def measure(rounds: int, with_sequential: bool) -> dict[str, float]:
    """Return the medians and the ratios."""
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    ours, static = Ours(), Static()
    sides: dict[str, Any] = {"ours": ours, "static": static, "continuous": Continuous()}
    if with_sequential:
        sides["sequential"] = Sequential()
    source = torch.Generator().manual_seed(1)
    prompts = torch.randint(1, 32_000, (REQUESTS, PROMPT), generator=source).tolist()
    if ours.run(prompts[:4]) != static.run(prompts[:4]):
        raise SystemExit("the engine's tokens differ from those of `generate`")
    seen: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            seen[name].append(rate(side.run, prompts))
    median = {name: statistics.median(figures) for name, figures in seen.items()}
    return {
        "vs_static": median["ours"] / median["static"],
        "vs_continuous": median["ours"] / median["continuous"],
        **{f"{name}_tokens_per_cpu_second": figure for name, figure in median.items()},
        **int8.measure(rounds),
    }


def main() -> None:
    """Run the benchmark."""
    parser = asked("engine", __doc__, rounds=3)
    parser.add_argument("--sequential", action="store_true", help="one by one as well, slowly")
    options = parser.parse_args()
    figures = measure(options.rounds, options.sequential)
    report(figures, options)


if __name__ == "__main__":
    main()
