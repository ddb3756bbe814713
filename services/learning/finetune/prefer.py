"""Fine-tuning by preferences (DPO, Rafailov et al. 2023, arXiv 2305.18290).

Interface:
    work(job, recipe)
    Pair            a line: a prompt, and two answers of which the first is better
    preference      the loss
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import field_validator, model_validator

from ....syscalls.errors import InvalidArgument
from ..job import Job
from ..training.harness import Harness
from .dialogues import IGNORED, Collator, Message, encode
from .recipe import Prefer
from .rows import Row
from .writer import Writer

if TYPE_CHECKING:
    from torch import Tensor

_BATCH = 16


class Pair(Row):
    """A line. A prompt that is a text is a user's, an answer that is one the assistant's."""

    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]
    tools: list[dict[str, Any]] | None = None

    @field_validator("prompt", mode="before")
    @classmethod
    def _asked(cls, said: Any) -> Any:
        return [{"role": "user", "content": said}] if isinstance(said, str) else said

    @field_validator("chosen", "rejected", mode="before")
    @classmethod
    def _answered(cls, said: Any) -> Any:
        return [{"role": "assistant", "content": said}] if isinstance(said, str) else said

    @model_validator(mode="after")
    def _differ(self) -> Pair:
        if not self.prompt:
            raise ValueError("prompt: a message is wanted")
        for name in ("chosen", "rejected"):
            if not any(one.role == "assistant" for one in getattr(self, name)):
                raise ValueError(f"{name}: there is no message of the assistant's")
        if self.chosen == self.rejected:
            raise ValueError("what is chosen is what is rejected")
        return self


def preference(
    chosen: Tensor, rejected: Tensor, chosen_before: Tensor, rejected_before: Tensor, beta: float
) -> tuple[Tensor, Tensor]:
    """-log sigmoid(β log π(y_w|x) / π_ref(y_w|x) - β log π(y_l|x) / π_ref(y_l|x)) (formula 7).

    Log-probabilities of whole answers by the model that learns, and by its parent before: [B] each
    → the loss's mean, and by how much the better answer's implicit reward is above the other's
    [B].
    """
    import torch

    margin = beta * ((chosen - chosen_before) - (rejected - rejected_before))
    return -torch.nn.functional.logsigmoid(margin).mean(), margin


def work(job: Job, recipe: Prefer) -> None:
    """Train, report and publish a model or an adapter. Raises `InvalidArgument` before anything is
    trained for pairs that the parent's template cannot have."""
    writer = Writer(job, recipe, Pair)
    collator = Pairs(writer.tokenizer.pad_token_id)
    learnt = _examples(job, writer.train, writer.tokenizer, recipe.model.length)
    examples = _examples(job, writer.held_out, writer.tokenizer, recipe.model.length)
    model = writer.parent()
    # Once, while the model is its own reference.
    for some in (learnt, examples):
        _note(model.train(False), some, collator)
    model = writer.learner(model)
    beta, imitate = recipe.preference.beta, recipe.preference.imitate

    def loss(model: Any, inputs: dict[str, Any]) -> tuple[Tensor, dict[str, float]]:
        mean, margin, likelihood = _compared(model, inputs, beta)
        above = margin.detach()
        return mean - imitate * likelihood, {
            "margin": float(above.mean()),
            "right": float((above > 0).float().mean()),
        }

    def evaluate(model: Any) -> dict[str, float]:
        return measure(model, examples, collator, beta)

    metrics = Harness(
        job,
        model=model,
        dataset=learnt,
        collator=collator,
        arguments=recipe.training,
        evaluate=evaluate,
        compute_loss=loss,
    ).run()
    writer.publish(
        model,
        data={"training pairs": len(writer.train), "held-out pairs": len(writer.held_out)},
        scores={name: metrics[name] for name in ("held_out_loss", "better", "preferred")},
    )
    print(f"preferred {metrics['preferred']:.1%}, better {metrics['better']:.1%}")


def measure(
    model: Any, examples: list[dict[str, Any]], collator: Pairs, beta: float
) -> dict[str, float]:
    """Return of held-out pairs the loss, the share in which the better answer is the more likely
    one (`preferred`), and in which it has become more likely against the other one (`better`)."""
    import torch

    loss, better, preferred = 0.0, 0, 0
    with torch.no_grad():
        for batch in _batches(examples, collator):
            mean, margin, _ = _compared(model, batch, beta)
            loss += float(mean) * len(margin)
            better += int((margin > 0).sum())
            before = batch["before"].to(margin.device)
            preferred += int((margin / beta + before[:, 0] - before[:, 1] > 0).sum())
    count = len(examples)
    return {
        "held_out_loss": loss / count, "better": better / count, "preferred": preferred / count,
    }  # fmt: skip


class Pairs:
    """Examples of two answers to batches: the better ones' rows, then the others'."""

    def __init__(self, padding: int) -> None:
        self._collator = Collator(padding)

    def __call__(self, examples: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """input_ids, attention_mask and labels [2 B, longest], `before` [B, 2]."""
        import torch

        both = [one[name] for name in ("chosen", "rejected") for one in examples]
        before = torch.tensor([one["before"] for one in examples])
        return {**self._collator(both), "before": before}


def _compared(model: Any, batch: dict[str, Any], beta: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss, the margins [B], and the mean log-probability of a better answer's token."""
    before = batch["before"].to(model.device)
    chosen, rejected = logprobs(model, batch).chunk(2)
    tokens = (batch["labels"][: len(chosen), 1:] != IGNORED).sum().to(model.device)
    mean, margin = preference(chosen, rejected, before[:, 0], before[:, 1], beta)
    return mean, margin, chosen.sum() / tokens


def logprobs(model: Any, batch: dict[str, Any]) -> Tensor:
    """Return the log-probability of each row's learnt tokens, in nats: [B]."""
    ids, labels = batch["input_ids"].to(model.device), batch["labels"].to(model.device)
    real = batch["attention_mask"].to(model.device)
    logits = model(input_ids=ids, attention_mask=real, use_cache=False).logits[:, :-1].float()
    wanted = labels[:, 1:]
    learnt = wanted != IGNORED
    found = logits.log_softmax(-1).gather(-1, wanted.clamp(min=0)[..., None])[..., 0]
    out: Tensor = (found * learnt).sum(-1)
    return out


def _note(model: Any, examples: list[dict[str, Any]], collator: Pairs) -> None:
    """Note what the parent thinks of each answer."""
    import torch

    with torch.no_grad():
        start = 0
        for batch in _batches(examples, collator):
            chosen, rejected = logprobs(model, batch).chunk(2)
            for one, *both in zip(
                examples[start : start + _BATCH], chosen.tolist(), rejected.tolist(), strict=True
            ):
                one["before"] = both
            start += _BATCH


def _batches(examples: list[dict[str, Any]], collator: Pairs) -> Iterator[dict[str, Any]]:
    for start in range(0, len(examples), _BATCH):
        yield collator(examples[start : start + _BATCH])


def _examples(job: Job, pairs: list[Pair], tokenizer: Any, length: int) -> list[dict[str, Any]]:
    made = []
    for pair in pairs:
        both = {}
        for name, answer in (("chosen", pair.chosen), ("rejected", pair.rejected)):
            # Of an answer with several turns that the template writes apart, the last has all.
            turns = encode([*pair.prompt, *answer], pair.tools, tokenizer, len(pair.prompt))[-1]
            both[name] = {"input_ids": turns.ids, "labels": turns.labels}
        if max(len(one["input_ids"]) for one in both.values()) <= length:
            made.append({**both, "before": [0.0, 0.0]})
    if not made:
        raise InvalidArgument(f"{job.file} model.length: no pair has at most {length} tokens")
    if long := len(pairs) - len(made):
        print(f"{long} pairs are too long and were passed over", file=sys.stderr)
    return made
