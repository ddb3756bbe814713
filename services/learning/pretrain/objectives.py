"""How each objective makes batches of examples, and what it says of held-out ones.

Interface:
    collator        the batches of an objective
    stream          the examples of a corpus for it
    held_out        the same examples of held-out texts
    asked_of        a model's logits where something is to be found
    measure         metrics over held-out examples
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from ....syscalls.errors import InvalidArgument
from ..training.data import Endless
from .corpus import Corpus, Documents
from .examples import Blocks, Encode, Example, Pairs, Texts
from .noise import Noise
from .recipe import Causal, Denoise, Masked, NextSentence, Recipe
from .tokenizer import encoder

Collator = Callable[[list[Example]], dict[str, Any]]
#: Held-out examples that are looked at together.
_BATCH = 16
#: Draws of what is hidden, until something is.
_TRIES = 100


def stream(recipe: Recipe, documents: Documents, tokenizer: Any, buffer: int) -> Endless:
    """Return the examples of documents, drawn from a buffer of so many."""
    encode: Encode = encoder(tokenizer)
    end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
    length, seed = recipe.model.length, recipe.training.seed
    if isinstance(recipe.objective, NextSentence):
        return Pairs(
            documents, encode, length=length, start=tokenizer.cls_token_id,
            end=tokenizer.sep_token_id, buffer=buffer, seed=seed,
        )  # fmt: skip
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    if isinstance(recipe.objective, Masked):
        before, after = (tokenizer.cls_token_id,), (tokenizer.sep_token_id,)
    elif isinstance(recipe.objective, Denoise):
        # The end is the collator's to write.
        length -= 1
    cut: dict[str, Any] = {
        "length": length, "end": end, "before": before, "after": after, "buffer": buffer,
        "seed": seed,
    }  # fmt: skip
    if recipe.corpus.pack:
        return Blocks(documents, encode, **cut)
    return Texts(
        documents,
        encode,
        close=isinstance(recipe.objective, Causal),
        least=1 if before else 2,
        # Of a buffer that is not much larger a group would be what has just come.
        group=min(recipe.training.batch, max(1, buffer // 8)),
        **cut,
    )


def held_out(recipe: Recipe, corpus: Corpus, texts: list[str], tokenizer: Any) -> list[Example]:
    """Return examples of held-out texts: as many as the recipe says, or as there are."""
    documents = _Once(corpus, texts)
    made = stream(recipe, documents, tokenizer, 1)
    found: list[Example] = []
    try:
        found.extend(islice(made, recipe.corpus.held_out_examples))
    except RuntimeError:
        # PEP 479: the texts came to their end within the generator.
        pass
    if not found:
        raise InvalidArgument(
            f"the {len(texts)} documents that are held out fill no example of "
            f"{recipe.model.length} tokens: more of them, or a shorter length"
        )
    return found


class _Once(Documents):
    """Texts that come to an end."""

    def __init__(self, corpus: Corpus, texts: list[str]) -> None:
        super().__init__(corpus)
        self._texts = texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)


def collator(recipe: Recipe, tokenizer: Any) -> Collator:
    """Return what makes a batch."""
    objective = recipe.objective
    if isinstance(objective, Masked | NextSentence):
        return _masked(tokenizer, objective.mask)
    if isinstance(objective, Denoise):
        return Noise(
            style=objective.style,
            noise=objective.noise,
            span=objective.span,
            pad=tokenizer.pad_token_id,
            end=tokenizer.eos_token_id,
            mask=tokenizer.mask_token_id,
            sentinels=_sentinels(tokenizer, objective),
        )
    return partial(_causal, tokenizer.eos_token_id)


def _masked(tokenizer: Any, share: float) -> Collator:
    from transformers import DataCollatorForLanguageModeling

    collate = DataCollatorForLanguageModeling(tokenizer, mlm_probability=share)

    def some(examples: list[Example]) -> dict[str, Any]:
        """Of a few short texts it may be that none is hidden, and the loss is a mean of nothing."""
        batch: dict[str, Any] = collate(examples)
        for _ in range(_TRIES):
            if (batch["labels"] != -100).any():
                break
            batch = collate(examples)
        return batch

    return some


def _causal(end: int, examples: list[Example]) -> dict[str, Any]:
    """Examples with `input_ids` → input_ids, attention_mask and labels [B, longest], of which -100
    do not count."""
    import torch

    rows = [torch.tensor(one["input_ids"]) for one in examples]
    pad = torch.nn.utils.rnn.pad_sequence
    labels = pad(rows, batch_first=True, padding_value=-100)
    return {
        "input_ids": labels.where(labels != -100, end),
        "attention_mask": (labels != -100).long(),
        "labels": labels,
    }


def _sentinels(tokenizer: Any, objective: Denoise) -> list[int]:
    found = [
        number
        for name, number in tokenizer.get_vocab().items()
        if name.startswith("<extra_id_") and name.endswith(">")
    ]
    # The order in which T5's own number them does not matter, as long as it is always the same.
    found.sort()
    if objective.style == "spans" and not found:
        raise InvalidArgument('the parent\'s tokenizer has no sentinels: style = "infill"')
    if objective.style == "infill" and tokenizer.mask_token_id is None:
        raise InvalidArgument('the parent\'s tokenizer has no mask: style = "spans"')
    return found


def asked_of(logits: Any, asked: Any) -> Any:
    """Return the logits of the tokens that are asked for: [count, vocabulary]; some models return
    no others. `asked` [B, length]."""
    return logits if logits.dim() == 2 else logits[asked]


def measure(
    recipe: Recipe, examples: list[Example], collate: Collator
) -> Callable[[Any], dict[str, float]]:
    """Return what says how a model does on held-out examples.

    `held_out_loss` for all; `perplexity` = exp of it for causal models; `masked_accuracy`,
    `next_accuracy` and `reconstruction`: the share of hidden tokens, of pairs and of tokens to be
    written that the model finds right, for the latter given those before.
    """
    kind = recipe.objective.kind

    def look(model: Any) -> dict[str, float]:
        total = weights = right = counted = pairs = paired = 0.0
        for start in range(0, len(examples), _BATCH):
            batch = collate(examples[start : start + _BATCH])
            batch = {name: value.to(model.device) for name, value in batch.items()}
            out = model(**batch)
            size = len(batch["input_ids"])
            asked = batch["labels"] != -100
            if kind == "causal":
                asked = asked[:, 1:]
            # A mean is of tokens, whatever the examples' lengths.
            weight = size if kind == "masked+next" else int(asked.sum())
            # A mean of no tokens is no number.
            total += float(out.loss) * weight if weight else 0.0
            weights += weight
            if kind == "causal":
                continue
            logits = out.prediction_logits if kind == "masked+next" else out.logits
            right += int((asked_of(logits, asked).argmax(-1) == batch["labels"][asked]).sum())
            counted += int(asked.sum())
            if kind == "masked+next":
                said = out.seq_relationship_logits.argmax(-1)
                pairs += int((said == batch["next_sentence_label"].flatten()).sum())
                paired += size
        loss = total / max(weights, 1)
        found = {"held_out_loss": loss}
        if kind == "causal":
            found["perplexity"] = math.exp(min(loss, 50))
        else:
            name = "reconstruction" if kind == "denoise" else "masked_accuracy"
            found[name] = right / max(counted, 1)
        if kind == "masked+next":
            found["next_accuracy"] = pairs / paired
        return found

    return look
