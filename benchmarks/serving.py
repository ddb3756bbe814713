"""Ways to serve many requests at once with one model: ours and transformers' own.

Interface:
    Load            what is asked for
    Ours            the paged engine, without the driver around it
    Static          one batch of all requests through `generate`
    Sequential      one request after the other
    Continuous      transformers' continuous batching
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import torch
from transformers import GenerationConfig

from llmagentos.drivers.inference.contract import Delta, Meter, Owner, Sampling
from llmagentos.drivers.inference.local.context import Context
from llmagentos.drivers.inference.local.engine import PagedEngine
from llmagentos.drivers.inference.local.pager import Pager
from llmagentos.drivers.inference.local.probe import proved
from llmagentos.drivers.inference.local.processor import batch
from llmagentos.drivers.inference.local.sampler import Sampler
from llmagentos.drivers.inference.local.sequence import Sequence

from .untrained import KNOWN, usual

Tokens = list[list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked for: so many requests, tokens of each prompt, and new ones of each."""

    requests: int
    prompt: int
    new: int
    device: str = "cpu"

    def prompts(self) -> Tokens:
        """Return random prompts, always the same."""
        source = torch.Generator().manual_seed(1)
        found: Tokens = torch.randint(
            1, KNOWN, (self.requests, self.prompt), generator=source
        ).tolist()
        return found


class Ours:
    """The paged engine, with what the local device gives it on such a device."""

    def __init__(self, load: Load, attention: str = "auto") -> None:
        self._load = load
        size = batch(torch.device(load.device))
        contexts = min(size.contexts, load.requests)
        runner = proved(usual(load.device), attention, contexts)
        page = runner.memory.page_size
        pages = load.requests * -(-(load.prompt + load.new) // page)
        runner.resize(pages)
        self._engine = PagedEngine(runner, Pager(pages, page), contexts=contexts, step=size.step)
        self._engine.start()

    def run(self, prompts: Tokens) -> Tokens:
        """Return each request's new tokens."""
        done, left = threading.Event(), len(prompts)

        def emit(delta: Delta) -> None:
            nonlocal left
            left -= delta.finish is not None
            if not left:
                done.set()

        def fail(error: BaseException) -> None:
            print(f"failed: {error!r}")
            done.set()

        contexts = [Context(1, "", list(prompt)) for prompt in prompts]
        for context in contexts:
            # Nothing is read from earlier texts: each round computes all of it.
            self._engine.open(context, cached=False)
            self._engine.submit(
                Sequence(
                    context,
                    limit=self._load.new,
                    sampler=Sampler(Sampling(), context.tokens),
                    decode=lambda tokens: "",
                    emit=emit,
                    fail=fail,
                    owner=Owner(pid=1),
                    meter=Meter(),
                    brings=self._load.prompt,
                )
            )
        done.wait()
        return [context.tokens[self._load.prompt :] for context in contexts]

    def close(self) -> None:
        """Let the engine's thread end."""
        self._engine.close()


class Static:
    """One batch of all requests through `generate`."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._model = usual(load.device)

    def run(self, prompts: Tokens) -> Tokens:
        """Return each request's new tokens."""
        ids = torch.tensor(prompts, device=self._load.device)
        with torch.inference_mode():
            out = self._model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=self._load.new,
                min_new_tokens=self._load.new,
                do_sample=False,
            )
        found: Tokens = out[:, self._load.prompt :].tolist()
        return found

    def close(self) -> None:
        """Nothing is held."""


class Sequential(Static):
    """One request after the other through `generate`."""

    def run(self, prompts: Tokens) -> Tokens:
        """Return each request's new tokens."""
        run = super().run
        return [run([prompt])[0] for prompt in prompts]


class Continuous:
    """Transformers' continuous batching. On a GPU what it makes ready once stays for all rounds."""

    def __init__(self, load: Load) -> None:
        self._model = usual(load.device)
        self._model.set_attn_implementation("sdpa")
        self._stays = load.device != "cpu"
        self._config = GenerationConfig(
            max_new_tokens=load.new, do_sample=False, eos_token_id=-1, pad_token_id=0
        )

    def run(self, prompts: Tokens) -> Tokens:
        """Return each request's new tokens."""
        out = self._model.generate_batch(
            inputs=prompts,
            generation_config=self._config,
            progress_bar=False,
            persistent_manager=self._stays,
        )
        return [one.generated_tokens for one in out.values()]

    def close(self) -> None:
        """Let go of what has stayed."""
        if self._stays:
            self._model.destroy_cached_continuous_batching_manager()
