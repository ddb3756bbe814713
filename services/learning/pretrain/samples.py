"""What a model makes of a few held-out examples, for people to look at.

Interface:
    samples     a few of them, in words
"""

from __future__ import annotations

from typing import Any

from .examples import Example
from .objectives import Collator, asked_of

#: Examples that are shown, and tokens that a causal model goes on for.
_SHOWN, _NEW = 4, 32


def samples(
    kind: str, model: Any, tokenizer: Any, examples: list[Example], collate: Collator
) -> list[dict[str, str]]:
    """Return a few rows of texts by what they are; the same ones each time."""
    import torch

    rows: list[dict[str, str]] = []
    model.eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for example in examples[:_SHOWN]:
            rows.append(_ROWS[kind](model, tokenizer, example, collate))
    return rows


def _causal(model: Any, tokenizer: Any, example: Example, collate: Collator) -> dict[str, str]:
    tokens = example["input_ids"]
    half = len(tokens) // 2
    written = list(tokens[:half])
    for _ in range(min(_NEW, len(tokens) - half)):
        written.append(int(_of([written], model)["logits"][0, -1].argmax()))
    return {
        "text": tokenizer.decode(tokens[:half]),
        "went on": tokenizer.decode(tokens[half:][:_NEW]),
        "model": tokenizer.decode(written[half:]),
    }


def _masked(model: Any, tokenizer: Any, example: Example, collate: Collator) -> dict[str, str]:
    batch = collate([example])
    out = model(**{name: value.to(model.device) for name, value in batch.items()})
    logits = out["prediction_logits"] if "prediction_logits" in out else out["logits"]
    hidden = batch["labels"][0] != -100
    read = batch["input_ids"][0].where(~hidden, tokenizer.mask_token_id)
    row = {
        "text": tokenizer.decode(read),
        "hidden": " · ".join(map(tokenizer.decode, batch["labels"][0][hidden].tolist())),
        "model": " · ".join(
            map(tokenizer.decode, asked_of(logits, hidden[None]).argmax(-1).tolist())
        ),
    }
    if "seq_relationship_logits" in out:
        words = ("goes on", "does not go on")
        row["the second text"] = words[int(batch["next_sentence_label"].flatten()[0])]
        row["model says"] = words[int(out["seq_relationship_logits"][0].argmax())]
    return row


def _denoise(model: Any, tokenizer: Any, example: Example, collate: Collator) -> dict[str, str]:
    batch = collate([example])
    batch = {name: value.to(model.device) for name, value in batch.items()}
    said = model(**batch)["logits"][0].argmax(-1)
    return {
        "text": tokenizer.decode(batch["input_ids"][0]),
        "to be written": tokenizer.decode(batch["labels"][0]),
        "model, each token given those before": tokenizer.decode(said),
    }


def _of(rows: list[list[int]], model: Any) -> Any:
    import torch

    return model(input_ids=torch.tensor(rows, device=model.device))


_ROWS = {"causal": _causal, "masked": _masked, "masked+next": _masked, "denoise": _denoise}
