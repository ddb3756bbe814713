"""The local device with the model that benchmarks serve, whose tokens are bytes."""

from __future__ import annotations

import string
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from llmagentos.drivers.inference.local.device import LocalDevice
from llmagentos.drivers.inference.local.loader import Loaded

from .untrained import usual


def tokenizer() -> Any:
    """Return a tokenizer of which every byte is a token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(models.BPE(vocab={one: n for n, one in enumerate(alphabet)}, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=plain)


async def run(
    scene: Callable[[LocalDevice], Awaitable[dict[str, float]]],
    where: str = "cpu",
    **settings: Any,
) -> Any:
    """Return what a scene finds out about a device; `where` it computes."""
    model = usual(where)
    loaded = Loaded(model=model, tokenizer=tokenizer(), name="untrained", config=model.config)
    device = LocalDevice("benchmark", loaded, **settings)
    device.start()
    try:
        return await scene(device)
    finally:
        await device.close()


def letters(source: Random, count: int) -> str:
    """Return a text of so many tokens."""
    return "".join(source.choices(string.ascii_lowercase, k=count))
