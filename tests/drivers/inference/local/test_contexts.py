"""Contexts as handles, on a device with a tiny model."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from llmagentos.drivers.inference.contract import Delta, Meter, Owner, Request, Sampling
from llmagentos.drivers.inference.local import contexts
from llmagentos.drivers.inference.local.device import LocalDevice
from llmagentos.syscalls.errors import (
    Cancelled,
    DeviceError,
    InvalidArgument,
    NotFound,
    QuotaExceeded,
    TryAgain,
)
from llmagentos.syscalls.model import ContextInfo, Grammar

ALICE, BOB = Owner(pid=1, principal="alice"), Owner(pid=2, principal="bob")
USER: list[Any] = [{"role": "user", "content": "what is the longest river in Africa?"}]
LONG = "the quick brown fox jumps over the lazy dog, " * 4
#: The model is untrained, and most of what it writes is no text.
LETTERS: Grammar = {"regex": "[a-z]{3}"}
Scene = Callable[[LocalDevice], Awaitable[None]]


def play(folder: Path, scene: Scene, **settings: Any) -> None:
    async def run() -> None:
        device = await LocalDevice.load("hf:tiny", str(folder), 1, **settings)
        try:
            async with asyncio.timeout(60):
                await scene(device)
        finally:
            await device.close()

    asyncio.run(run())


async def open(
    device: LocalDevice,
    text: str | None = None,
    messages: list[Any] | None = None,
    owner: Owner = ALICE,
    meter: Meter | None = None,
) -> ContextInfo:
    return await device.open(owner, meter or Meter(), text=text, messages=messages, tools=[])


async def append(
    device: LocalDevice, context: int, owner: Owner = ALICE, **what: Any
) -> ContextInfo:
    return await device.append(owner, Meter(), context, **{"text": None, "messages": None, **what})


async def generate(
    device: LocalDevice, context: int, count: int = 6, owner: Owner = ALICE, **sampling: Any
) -> str:
    deltas = device.generate(owner, Meter(), context, Sampling(max_tokens=count, **sampling))
    return "".join([delta.text async for delta in deltas])


async def chat(
    device: LocalDevice, messages: list[Any], count: int = 6, owner: Owner = ALICE
) -> tuple[str, Meter]:
    meter = Meter()
    asked = Request(
        messages=messages, sampling=Sampling(max_tokens=count), owner=owner, meter=meter
    )
    return "".join([delta.text async for delta in device.chat(asked)]), meter


def counted(device: LocalDevice) -> list[int]:
    """Return a list to which each step of the model adds its tokens from now on."""
    runner = device._engine._runner
    steps, step = list[int](), runner.step

    def count(spans: Any, tokens: list[int], keep: Any) -> Any:
        steps.append(len(tokens))
        return step(spans, tokens, keep)

    runner.step = count  # type: ignore[method-assign]
    return steps


class Alone:
    """The model by itself."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder)

    def writes(self, text: str, count: int = 6) -> str:
        ids = self.tokenizer(text, return_tensors="pt")["input_ids"]
        out = self.model.generate(ids, max_new_tokens=count, do_sample=False)
        found: str = self.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
        return found

    @torch.inference_mode()
    def logprob(self, text: str, more: str) -> float:
        start = len(self.tokenizer(text)["input_ids"])
        ids = self.tokenizer(text + more, return_tensors="pt")["input_ids"]
        chances = self.model(ids).logits[0].log_softmax(-1)
        return sum(float(chances[at - 1, ids[0, at]]) for at in range(start, ids.shape[1]))

    @torch.inference_mode()
    def vector(self, text: str) -> list[float]:
        ids = self.tokenizer(text, return_tensors="pt")["input_ids"]
        mean = self.model.model(ids).last_hidden_state[0].mean(0)
        return list((mean / mean.norm()).tolist())


@pytest.fixture(scope="module")
def alone(folder: Path) -> Alone:
    return Alone(folder)


def test_a_text_is_read_continued_appended_to_and_continued(folder: Path, alone: Alone) -> None:
    async def scene(device: LocalDevice) -> None:
        meter = Meter()
        info = await open(device, LONG, meter=meter)
        assert info.pid == 1 and info.tokens == len(LONG) == meter.usage.input_tokens
        assert info.pages == math.ceil((len(LONG) - 1) / 16) and info.shared == info.swapped == 0
        assert await generate(device, (await open(device, LONG)).context) == alone.writes(LONG)
        first = await generate(device, info.context, grammar=LETTERS)
        info = await append(device, info.context, text=" and then ")
        second = await generate(device, info.context)
        assert second == alone.writes(LONG + first + " and then ")
        listed, _ = device.contexts(ALICE)
        assert listed.context == info.context and listed.tokens == info.tokens + 6
        device.close_context(ALICE, info.context)
        assert info.context not in [one.context for one in device.contexts(ALICE)]

    play(folder, scene)


def test_a_conversation_in_a_context_is_that_of_chat(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        info = await open(device, messages=USER)
        assert await generate(device, info.context) == (await chat(device, USER))[0]
        info = await open(device, messages=USER)
        first = await generate(device, info.context, grammar=LETTERS)
        # The model has not ended its reply, so it is ended before the next message.
        more = [{"role": "user", "content": "and in Asia?"}]
        await append(device, info.context, messages=more)
        second = await generate(device, info.context)
        whole = [*USER, {"role": "assistant", "content": first}, *more]
        assert second == (await chat(device, whole))[0]

    play(folder, scene)


def test_messages_may_be_appended_before_a_reply(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        more = [{"role": "user", "content": "and in Asia?"}]
        info = await open(device, messages=USER)
        await append(device, info.context, messages=more)
        assert await generate(device, info.context) == (await chat(device, USER + more))[0]
        info = await open(device)
        assert info.tokens == info.pages == 0
        await append(device, info.context, messages=USER)
        assert await generate(device, info.context) == (await chat(device, USER))[0]

    play(folder, scene)


def test_forks_go_their_own_ways_over_the_same_pages(folder: Path, alone: Alone) -> None:
    async def scene(device: LocalDevice) -> None:
        parent = await open(device, LONG)
        before = device.pages()
        forks = await device.fork(ALICE, parent.context, 3)
        assert device.pages().free == before.free
        assert all(one.shared == one.pages == parent.pages for one in forks)
        pieces = ["one", "two", "three"]
        for one, piece in zip(forks, pieces, strict=True):
            await append(device, one.context, text=piece)
        replies = await asyncio.gather(
            *(generate(device, one.context) for one in forks), generate(device, parent.context)
        )
        for piece, reply in zip([*pieces, ""], replies, strict=True):
            assert reply == alone.writes(LONG + piece)

    play(folder, scene)


def test_scores_are_the_models(folder: Path, alone: Alone) -> None:
    pieces = ["a", "b and more of it", "", "the river Nile, of course"]

    async def scene(device: LocalDevice) -> None:
        meter, steps = Meter(), counted(device)
        by_text = await device.score(ALICE, meter, pieces, context=None, messages=None, text=LONG)
        assert meter.usage.input_tokens == len(LONG) + sum(map(len, pieces))
        # What they follow is read once, and its last token with each of them.
        assert sum(steps) == len(LONG) - 1 + sum(map(len, pieces)), steps
        info = await open(device, LONG)
        by_context = await device.score(
            ALICE, Meter(), pieces, context=info.context, messages=None, text=None
        )
        assert device.contexts(ALICE) == [info]
        for scores in (by_text, by_context):
            for one, piece in zip(scores.scores, pieces, strict=True):
                assert one.tokens == len(piece)
                assert one.logprob == pytest.approx(alone.logprob(LONG, piece), abs=1e-3)
        asked = "".join(device._template.parted(USER, []))
        by_messages = await device.score(
            ALICE, Meter(), ["Nile"], context=None, messages=USER, text=None
        )
        info = await open(device, messages=USER)
        by_context = await device.score(
            ALICE, Meter(), ["Nile"], context=info.context, messages=None, text=None
        )
        for scores in (by_messages, by_context):
            assert scores.scores[0].logprob == pytest.approx(alone.logprob(asked, "Nile"), abs=1e-3)
        assert await generate(device, info.context) == alone.writes(asked)

    play(folder, scene)


def test_vectors_are_the_mean_of_the_last_states(folder: Path, alone: Alone) -> None:
    texts = ["a river", LONG, "x"]

    async def scene(device: LocalDevice) -> None:
        meter = Meter()
        made = await device.embed(ALICE, meter, texts)
        assert meter.usage.input_tokens == sum(map(len, texts))
        for vector, text in zip(made.vectors, texts, strict=True):
            assert vector == pytest.approx(alone.vector(text), abs=1e-5)
        with pytest.raises(InvalidArgument):
            await device.embed(ALICE, Meter(), ["fine", ""])
        assert [one.pid for one in device.pages().holders] == []

    play(folder, scene)


def test_a_conversation_goes_on_without_being_read_again(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        messages = [{"role": "user", "content": LONG}]
        reply, first = await chat(device, messages)
        messages += [{"role": "assistant", "content": reply}, {"role": "user", "content": "more"}]
        steps = counted(device)
        _, second = await chat(device, messages)
        assert second.usage.input_tokens > first.usage.input_tokens + 5
        assert steps[0] < 60 < second.usage.input_tokens

    play(folder, scene)


def test_a_handle_is_its_owners_alone(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        info = await open(device, "text")
        for owner, handle in ((BOB, info.context), (ALICE, info.context + 1)):
            with pytest.raises(NotFound):
                await append(device, handle, owner, text="more")
            with pytest.raises(NotFound):
                await generate(device, handle, owner=owner)
            with pytest.raises(NotFound):
                await device.fork(owner, handle, 1)
            with pytest.raises(NotFound):
                await device.score(owner, Meter(), ["x"], context=handle, messages=None, text=None)
            with pytest.raises(NotFound):
                device.pin(owner, handle, 1.0)
            with pytest.raises(NotFound):
                device.close_context(owner, handle)
        assert device.contexts(BOB) == []
        device.close_context(ALICE, info.context)
        with pytest.raises(NotFound):
            await generate(device, info.context)

    play(folder, scene)


def test_what_makes_no_sense_is_refused_and_changes_nothing(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        info = await open(device, "text")
        with pytest.raises(InvalidArgument, match="either"):
            await open(device, "text", USER)
        with pytest.raises(InvalidArgument, match="either"):
            await append(device, info.context, text="a", messages=USER)
        with pytest.raises(InvalidArgument, match="context 512"):
            await append(device, info.context, text="x" * 600)
        with pytest.raises(InvalidArgument, match="context 512"):
            await device.score(
                ALICE, Meter(), ["x", "y" * 600], context=info.context, messages=None, text=None
            )
        for wrong in ({"text": "a", "messages": USER}, {"text": None, "messages": None}):
            with pytest.raises(InvalidArgument, match="one of"):
                await device.score(ALICE, Meter(), ["x"], context=None, **wrong)
        empty = await open(device)
        with pytest.raises(InvalidArgument, match="empty"):
            await generate(device, empty.context)
        with pytest.raises(InvalidArgument, match="empty"):
            await device.score(ALICE, Meter(), ["x"], context=None, messages=None, text="")
        assert device.contexts(ALICE) == [info, empty]

    play(folder, scene)


def test_one_call_at_a_time_works_on_a_context(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        info = await open(device, "text")
        running = device.generate(ALICE, Meter(), info.context, Sampling(max_tokens=200))
        await anext(running)
        with pytest.raises(TryAgain):
            await generate(device, info.context)
        with pytest.raises(TryAgain):
            await append(device, info.context, text="more")
        with pytest.raises(TryAgain):
            await device.fork(ALICE, info.context, 1)
        await running.aclose()
        # Whatever the step was in which it was taken back, what it has written stays.
        while True:
            try:
                await append(device, info.context, text="more")
                break
            except TryAgain:
                await asyncio.sleep(0)
        assert device.contexts(ALICE)[0].tokens > 8

    play(folder, scene)


def test_closing_a_context_ends_what_works_on_it(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        info = await open(device, "text")
        running = device.generate(ALICE, Meter(), info.context, Sampling(max_tokens=400))
        await anext(running)
        device.close_context(ALICE, info.context)
        with pytest.raises(Cancelled, match="closed"):
            async for _ in running:
                pass

    play(folder, scene)


def test_what_a_process_has_goes_with_it(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        info = await open(device, "text")
        kept = await open(device, LONG, owner=BOB)
        running = device.generate(ALICE, Meter(), info.context, Sampling(max_tokens=400))
        await anext(running)
        device.process(1, "gone", None)
        with pytest.raises(Cancelled, match="ended"):
            async for _ in running:
                pass
        assert device.contexts(ALICE) == [] and device.contexts(BOB) == [kept]

    play(folder, scene)


def test_a_suspended_process_waits_in_host_memory_and_goes_on(folder: Path, alone: Alone) -> None:
    async def scene(device: LocalDevice) -> None:
        info = await open(device, LONG)
        running = device.generate(ALICE, Meter(), info.context, Sampling(max_tokens=60))
        text = (await anext(running)).text
        device.process(1, "suspended", None)
        while (held := device.contexts(ALICE)[0]).swapped < held.pages:  # noqa: ASYNC110
            await asyncio.sleep(0)
        [holder] = device.pages().holders
        assert (holder.pid, holder.principal, holder.state) == (1, "alice", "suspended")
        assert holder.pages == 0 and holder.swapped == held.pages == device.pages().swapped
        other = await open(device, LONG, owner=BOB)
        assert await generate(device, other.context, owner=BOB) == alone.writes(LONG)
        device.process(1, "running", None)
        text += "".join([delta.text async for delta in running])
        assert text == alone.writes(LONG, 60)
        assert device.pages().swapped == 0

    play(folder, scene)


def test_pins_are_told(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        info = await open(device, "text")
        assert info.pinned is None
        assert device.pin(ALICE, info.context, 30.0).pinned == 30.0
        assert device.contexts(ALICE)[0].pinned == 30.0
        assert device.pin(ALICE, info.context, 0.0).pinned is None

    play(folder, scene)


def test_a_process_may_hold_so_many_pages(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        info = await open(device, "a" * 100)  # seven pages
        with pytest.raises(QuotaExceeded, match="would hold 11 pages; it may hold 10"):
            await open(device, "b" * 60)
        # What is shared counts once.
        [fork] = await device.fork(ALICE, info.context, 1)
        await append(device, fork.context, text="c")
        await open(device, "b" * 60, owner=BOB)
        # A reply ends where its process has no page left.
        with pytest.raises(QuotaExceeded, match="may hold 10 pages"):
            await generate(device, info.context, 100, temperature=1.0, seed=1)
        device.close_context(ALICE, fork.context)
        device.close_context(ALICE, info.context)
        await open(device, "b" * 60)

    play(folder, scene, pages_per_process=10)


def test_many_calls_of_a_process_take_turns_in_its_pages(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        talks = [[{"role": "user", "content": f"{n} {LONG[:60]}"}] for n in range(8)]
        alone = [(await chat(device, one, 30))[0] for one in talks]
        together = await asyncio.gather(*(chat(device, one, 30) for one in talks))
        assert [text for text, _ in together] == alone

    play(folder, scene, pages_per_process=20)


def test_pages_say_who_holds_what(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        empty = device.pages()
        assert (empty.page_tokens, empty.total, empty.free) == (16, 64, 64)
        assert empty.page_bytes == 16 * 2 * 2 * 16 * 4 and empty.holders == []
        alice = await open(device, "a" * 40)
        await device.fork(ALICE, alice.context, 1)
        await open(device, "a" * 40, owner=BOB)
        # What a process has said last is its own until it is gone; then it is only cached.
        for pid in (3, 4):
            await chat(device, [{"role": "user", "content": LONG}], owner=Owner(pid=pid))
        device.process(4, "gone", None)
        found = device.pages()
        rows = {one.pid: one for one in found.holders}
        assert (rows[3].contexts, rows[3].pages, rows[3].shared) == (0, 13, 0)
        assert (rows[1].contexts, rows[1].pages, rows[1].shared) == (2, 3, 0)
        assert (rows[2].contexts, rows[2].pages, rows[2].principal) == (1, 3, "bob")
        assert set(rows) == {1, 2, 3} and found.cached == 0
        assert found.free == 64 - 6 - 13
        device.process(3, "gone", None)
        found = device.pages()
        assert (found.holders[0].pid, found.holders[0].state) == (0, "gone")
        assert found.holders[0].pages == found.cached == 12 and found.free == 64 - 6 - 12

    play(folder, scene, tokens=1024)


def test_a_failing_step_leaves_an_open_context_usable(folder: Path, alone: Alone) -> None:
    async def scene(device: LocalDevice) -> None:
        info = await open(device, LONG)
        step = device._engine._runner.step

        def fail(*_: Any) -> Any:
            device._engine._runner.step = step  # type: ignore[method-assign]
            raise MemoryError("too much")

        device._engine._runner.step = fail  # type: ignore[method-assign]
        with pytest.raises(DeviceError, match="too much"):
            await append(device, info.context, text="lost")
        assert await generate(device, info.context) == alone.writes(LONG)

    play(folder, scene)


def test_a_device_says_when_it_can_serve_no_more(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        failed = asyncio.create_task(device.failed())

        def broken() -> Any:
            raise SystemError("a defect")

        device._engine._schedule.choose = broken  # type: ignore[method-assign]
        with pytest.raises(DeviceError, match="a defect"):
            await open(device, "text")
        assert "a defect" in await failed
        with pytest.raises(DeviceError):
            await open(device, "text")

    play(folder, scene)


def test_log_probabilities_and_grammars_come_through(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        info = await open(device, LONG)
        sampling = Sampling(max_tokens=20, logprobs=2, grammar={"choice": ["yes", "no"]})
        deltas: list[Delta] = [
            delta async for delta in device.generate(ALICE, Meter(), info.context, sampling)
        ]
        text = "".join(delta.text for delta in deltas)
        found = [one for delta in deltas for one in delta.logprobs or ()]
        assert text in ("yes", "no") and deltas[-1].finish == "stop"
        assert "".join(one.token for one in found) == text
        assert all(len(one.top) == 2 for one in found)
        with pytest.raises(InvalidArgument):
            await generate(device, info.context, grammar={"regex": "("})

    play(folder, scene)


def test_a_process_that_ends_while_its_text_is_made_ready_harms_nobody(folder: Path) -> None:
    async def scene(device: LocalDevice) -> None:
        ready, gate = asyncio.Event(), threading.Event()
        loop, following = asyncio.get_running_loop(), device._encoder.following

        def slow(*given: Any) -> Any:
            loop.call_soon_threadsafe(ready.set)
            gate.wait(60)
            return following(*given)

        device._encoder.following = slow  # type: ignore[method-assign]
        scoring = asyncio.create_task(
            device.score(ALICE, Meter(), ["a", "b"], context=None, messages=None, text="some text")
        )
        await ready.wait()
        device.process(ALICE.pid, "gone", None)
        gate.set()
        with pytest.raises(Cancelled):
            await scoring
        assert await chat(device, USER)
        assert device.contexts(ALICE) == []

    play(folder, scene)


def test_a_process_may_have_so_many_contexts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "LIMIT", 3)

    async def scene(device: LocalDevice) -> None:
        made = await open(device, "text")
        assert len(await device.fork(ALICE, made.context, 2)) == 2
        with pytest.raises(QuotaExceeded, match="3 contexts"):
            await device.fork(ALICE, made.context, 1)
        with pytest.raises(QuotaExceeded, match="3 contexts"):
            await open(device, "text")
        device.close_context(ALICE, made.context)
        await open(device, "text")

    play(folder, scene)
