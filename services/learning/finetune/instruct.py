"""Fine-tuning by dialogues: the assistant's part of them is imitated (SFT), by all weights or by an
adapter.

Interface:
    work(job, recipe)
"""

from __future__ import annotations

import sys
from typing import Any

from ....syscalls.errors import InvalidArgument
from ..job import Job
from ..training.harness import Harness
from .dialogues import IGNORED, Collator, Dialogue, encode
from .recipe import Instruct
from .writer import Writer

_BATCH = 16


def work(job: Job, recipe: Instruct) -> None:
    """Train, report and publish a model or an adapter. Raises `InvalidArgument` before anything is
    trained for dialogues that the parent's template cannot have."""
    writer = Writer(job, recipe, Dialogue)
    length = recipe.model.length
    learnt, long = _examples(writer.train, writer.tokenizer, length)
    examples, _ = _examples(writer.held_out, writer.tokenizer, length)
    if not learnt or not examples:
        raise InvalidArgument(f"{job.file} model.length: no dialogue has at most {length} tokens")
    if long:
        print(f"{long} dialogues are too long and were passed over", file=sys.stderr)
    model = writer.learner(writer.parent())
    collator = Collator(writer.tokenizer.pad_token_id)

    def evaluate(model: Any) -> dict[str, float]:
        return measure(model, examples, collator)

    metrics = Harness(
        job,
        model=model,
        dataset=learnt,
        collator=collator,
        arguments=recipe.training,
        evaluate=evaluate,
    ).run()
    writer.publish(
        model,
        data={
            "training dialogues": len(writer.train),
            "held-out dialogues": len(writer.held_out),
            "learnt tokens": sum(one != IGNORED for example in learnt for one in example["labels"]),
            "too long": long,
        },
        scores={name: metrics[name] for name in ("held_out_loss", "tokens", "turns")},
    )
    print(f"turns {metrics['turns']:.1%}, tokens {metrics['tokens']:.1%}")


def _examples(
    dialogues: list[Dialogue], tokenizer: Any, length: int
) -> tuple[list[dict[str, Any]], int]:
    """Return examples that are short enough, and how many are not."""
    made = [turns for one in dialogues for turns in encode(one.messages, one.tools, tokenizer)]
    short = [{"input_ids": one.ids, "labels": one.labels} for one in made if len(one.ids) <= length]
    return short, len(made) - len(short)


def measure(model: Any, examples: list[dict[str, Any]], collator: Collator) -> dict[str, float]:
    """Return of held-out dialogues the mean loss of a learnt token, the share of them that the
    model would choose, and the share of the assistant's turns of which it would choose each token:
    those that it would write itself, greedily, where it is asked with the same words before."""
    import torch

    loss, tokens, right, turns, whole = 0.0, 0, 0, 0, 0
    with torch.no_grad():
        for start in range(0, len(examples), _BATCH):
            batch = collator(examples[start : start + _BATCH])
            batch = {name: one.to(model.device) for name, one in batch.items()}
            labels = batch.pop("labels")[:, 1:]
            logits = model(**batch, use_cache=False).logits[:, :-1].float()
            learnt = labels != IGNORED
            loss += float(
                torch.nn.functional.cross_entropy(logits[learnt], labels[learnt], reduction="sum")
            )
            chosen = (logits.argmax(-1) == labels) & learnt
            tokens, right = tokens + int(learnt.sum()), right + int(chosen.sum())
            for row, good in zip(learnt.tolist(), chosen.tolist(), strict=True):
                for begin, end in _runs(row):
                    turns, whole = turns + 1, whole + all(good[begin:end])
    return {"held_out_loss": loss / tokens, "tokens": right / tokens, "turns": whole / turns}


def _runs(learnt: list[bool]) -> list[tuple[int, int]]:
    """Return where runs of learnt tokens begin and end."""
    runs, begin = [], None
    for place, yes in enumerate([*learnt, False]):
        if yes and begin is None:
            begin = place
        elif not yes and begin is not None:
            runs.append((begin, place))
            begin = None
    return runs
