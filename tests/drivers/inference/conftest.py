"""An inference driver without a kernel, and the smallest tokenizer that knows every text."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from llmagentos.drivers.inference.driver import InferenceDriver
from llmagentos.drivers.inference.targets import OPENERS, Opener
from llmagentos.syscalls.host import Host
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.server import Caller, serving


class House:
    """What stands around a driver: the kernel's ear, a folder and a caller."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.slots: list[int] = []
        self.caller = Caller(pid=1, principal="alice", call=1)
        self._changed = asyncio.Event()

    async def admits(self) -> None:
        """What becomes of a call that has waited for slots."""

    async def register(self, kind: str, slots: int, flags: list[str] | None = None) -> None:
        self.slots.append(slots)
        self._changed.set()
        # The kernel lets in what has waited before it answers.
        await self.admits()

    async def open(self) -> None:
        """Wait until the driver has said that calls may come."""
        await self.reach(1)

    async def reach(self, slots: int) -> None:
        """Wait until so many calls may come at once."""
        while self.slots[-1:] < [slots]:
            self._changed.clear()
            await self._changed.wait()


class _Done(Exception):
    pass


Scene = Callable[[InferenceDriver, House], Awaitable[None]]
Play = Callable[..., None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Play a scene with a driver over its own folder; again over the same for a restart."""

    def run(
        scene: Scene,
        openers: Mapping[str, Opener] | None = None,
        **settings: Any,
    ) -> None:
        async def act() -> None:
            house = House(tmp_path)
            system = cast(OS, SimpleNamespace(device=SimpleNamespace(register=house.register)))
            async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
                driver = InferenceDriver({**OPENERS, **(openers or {})})
                await driver.setup(
                    Host(os=system, state=tmp_path, config=settings, tasks=tasks, homes=tmp_path)
                )
                with serving(house.caller):
                    await scene(driver, house)
                await driver.teardown()
                raise _Done

        try:
            asyncio.run(act())
        except* _Done:
            pass

    return run


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """Every byte is a token, as in the tokenizers of Llama 2: no merges, three control tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(
        models.BPE(vocab={one: n for n, one in enumerate([*marks, *alphabet])}, merges=[])
    )
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    plain.add_special_tokens([AddedToken(one, special=True) for one in marks])
    made = PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token=marks[0], eos_token=marks[2], model_max_length=512
    )
    made.chat_template = (
        "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
        "{% for call in message.tool_calls or [] %}<tool_call>{{ call.function.name }} "
        "{{ call.function.arguments | tojson }}</tool_call>{% endfor %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    return made
