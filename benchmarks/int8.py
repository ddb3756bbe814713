"""Linear layers in 8-bit integers beside those in float32, both as the engine runs them.

Speed: replies are written one token at a time, 1, 2, 4 and 8 contexts of 128 tokens at once, by an
untrained Llama of 52 million parameters: three layers of the shape of Qwen2.5-0.5B's. Figures are
tokens per second of CPU on one thread, rounds alternate, and the ratio is the geometric mean over
the numbers of contexts. Loss: how far the log-probabilities of what the shipped model is to say are
from those in float32, in nats, in the mean over the tokens of 60 dialogues.
"""

from __future__ import annotations

import random
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from llmagentos.drivers import inference
from llmagentos.drivers.inference.local import linear
from llmagentos.drivers.inference.local.pager import PageTable
from llmagentos.drivers.inference.local.plan import Span
from llmagentos.drivers.inference.local.runner import Runner
from llmagentos.services.learning.embedded.dialogue import converse, encode

from .untrained import llama

CONTEXTS, LENGTH, STEPS, PAGE, DIALOGUES = (1, 2, 4, 8), 128, 24, 16, 60


class Writer:
    """A model whose contexts are as long as they are said to be; nobody looks at what they hold."""

    def __init__(self, model: Any) -> None:
        most = max(CONTEXTS)
        pages = -(-(LENGTH + STEPS) // PAGE)
        self._runner = Runner(model, pages=most * pages, page_size=PAGE, contexts=most)
        self._tables = [PageTable([*range(at * pages, (at + 1) * pages)]) for at in range(most)]

    def rate(self, contexts: int) -> float:
        """Return tokens per second of CPU."""
        tables = self._tables[:contexts]
        for table in tables:
            table.length = LENGTH
        start = time.process_time()
        for _ in range(STEPS):
            self._runner.step(
                [Span(table=table, count=1, slot=at) for at, table in enumerate(tables)],
                [7] * contexts,
            )
            for table in tables:
                table.length += 1
        return contexts * STEPS / (time.process_time() - start)


def speed(rounds: int) -> dict[str, float]:
    """Return the ratio and what it is made of."""
    exact, whole = (
        llama(8000, 896, 4864, 3, 14, num_key_value_heads=2, tie_word_embeddings=True)
        for _ in range(2)
    )
    linear.quantise(whole)
    sides = {"float32": Writer(exact), "int8": Writer(whole)}
    ratios, figures = [], {}
    for contexts in CONTEXTS:
        seen: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(2 * rounds + 1):
            for name, side in sides.items():
                seen[name].append(side.rate(contexts))
        median = {name: statistics.median(found) for name, found in seen.items()}
        ratios.append(median["int8"] / median["float32"])
        for name, rate in median.items():
            figures[f"{name}_at_{contexts}_tokens_per_cpu_second"] = rate
    return {"int8_speedup": statistics.geometric_mean(ratios), **figures}


@torch.inference_mode()
def loss() -> float:
    """Return the mean absolute difference in log-probability of a token that is to be said."""
    folder = Path(inference.__path__[0]) / "embedded"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    exact, whole = (
        AutoModelForCausalLM.from_pretrained(folder, dtype="float32").train(False) for _ in range(2)
    )
    linear.quantise(whole)
    dice, apart = random.Random(0), []
    for _ in range(DIALOGUES):
        ids, said = encode(converse(dice), tokenizer)
        wanted = torch.tensor(said[1:])
        of = [_logprobs(model, torch.tensor(ids))[wanted] for model in (exact, whole)]
        apart.append((of[0] - of[1]).abs())
    return float(torch.cat(apart).mean())


def _logprobs(model: Any, ids: Tensor) -> Tensor:
    """Return the log-probability of each token but the first: [T - 1]."""
    logits = model(input_ids=ids.unsqueeze(0), use_cache=False).logits[0, :-1]
    found: Tensor = logits.log_softmax(-1).gather(1, ids[1:, None])[:, 0]
    return found


def measure(rounds: int) -> dict[str, float]:
    """Return speed and loss."""
    return {**speed(rounds), "int8_logprob_loss": loss()}
