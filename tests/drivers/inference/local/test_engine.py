"""Many requests on one engine: none harms another, none waits for ever, no page is lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch

from llmagentos.drivers.inference.contract import Meter, Owner
from llmagentos.drivers.inference.local.context import Context
from llmagentos.drivers.inference.local.desk import Desk
from llmagentos.drivers.inference.local.engine import PagedEngine
from llmagentos.drivers.inference.local.pager import Pager
from llmagentos.drivers.inference.local.runner import Runner
from llmagentos.drivers.inference.local.schedule import STEP_TOKENS
from llmagentos.syscalls.errors import DeviceError, InvalidArgument

Make = Callable[..., Any]
#: What `counting` writes after a prompt that ends in 1.
COUNTED = list(range(2, 100))


def engine(
    runner: Any, pages: int = 64, contexts: int = 8, places: int = 0, **fields: Any
) -> PagedEngine:
    return PagedEngine(runner, Pager(pages, 16, places), contexts=contexts, **fields)


def submit(made: PagedEngine, *sequences: Any) -> None:
    for one, _ in sequences:
        made.open(one.context)
        made.submit(one)


def play(made: PagedEngine, *sequences: Any) -> None:
    """Submit all before the first step, so that every run is the same; wait for all."""
    submit(made, *sequences)
    made.start()
    assert all(reader.done() for _, reader in sequences)
    made.close()


def written(one: Any) -> list[int]:
    return list(one.context.tokens[one.prompt :])


def left(made: PagedEngine) -> int:
    """Return the frames that are free or hold what is only cached once all processes are gone."""
    for holder in made.pages(1).holders:
        made.process(holder.pid, "gone", None)
    found = made.pages(1)
    assert all(holder.pid == 0 for holder in found.holders)
    return found.free + found.cached


def test_many_are_served_at_once_and_leave_nothing_behind(sequence: Make, counting: Any) -> None:
    made = engine(counting, contexts=3)
    several = [
        sequence([1] * n, limit) for n, limit in ((1, 9), (40, 3), (5, 5), (700, 2), (16, 1))
    ]
    play(made, *several)
    for one, reader in several:
        assert written(one) == COUNTED[: one.limit]
        assert reader.deltas[-1].finish == "length"
    assert left(made) == 64
    assert max(len(spans) for spans in counting.steps) == 3


class Odd:
    """A sampler that fails at the second token."""

    def __init__(self) -> None:
        self.calls = 0
        self.done = False

    def pick(self, logits: Any, likeliest: int) -> int:
        self.calls += 1
        if self.calls == 2:
            raise RuntimeError("no such chance")
        return likeliest


def test_a_sequence_that_fails_takes_no_other_with_it(sequence: Make, counting: Any) -> None:
    made = engine(counting)
    bad, good = sequence([1], sampler=Odd()), sequence([1])
    torn = sequence([1], decode=lambda tokens: tokens[1000])
    play(made, bad, torn, good)
    assert "no such chance" in str(bad[1].errors[0]) and torn[1].errors
    assert written(good[0]) == COUNTED[:8] and not good[1].errors
    assert bad[1].meter.usage.output_tokens == 1
    assert left(made) == 64


def test_pages_of_a_sequence_whose_logits_are_no_numbers_are_wiped(
    sequence: Make, counting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = counting.step

    def poisoned(spans: Any, tokens: list[int], keep: Any) -> Any:
        logits = step(spans, tokens, keep)
        logits[[span.table is bad[0].context.table for span in spans]] = float("nan")
        return logits

    monkeypatch.setattr(counting, "step", poisoned)
    made = engine(counting)
    bad, good = sequence([1] * 20), sequence([1] * 17)
    play(made, bad, good)
    assert "no numbers" in str(bad[1].errors[0])
    assert len(counting.wiped) == 2 and left(made) == 64
    assert written(good[0]) == COUNTED[:8]


def test_a_step_that_fails_ends_its_sequences_and_the_engine_goes_on(
    sequence: Make, counting: Any
) -> None:
    def fail(number: int) -> None:
        if number == 1:
            counting.before = lambda number: None
            raise MemoryError("too much")

    counting.before = fail
    made = engine(counting)
    first, later = sequence([1]), sequence([1])
    submit(made, first)
    made.start()
    assert first[1].done() and "too much" in str(first[1].errors[0])
    submit(made, later)
    assert later[1].done() and written(later[0]) == COUNTED[:8]
    made.close()
    assert left(made) == 64


def test_an_engine_that_ends_of_itself_leaves_nobody_waiting(
    sequence: Make, counting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(slot: int, state: Any) -> None:
        raise SystemError("a defect")

    monkeypatch.setattr(counting.memory, "load", broken)
    reasons: list[str] = []
    made = engine(counting, failed=reasons.append)
    several = [sequence([1]) for _ in range(3)]
    play(made, *several)
    assert all("a defect" in str(reader.errors[0]) for _, reader in several)
    assert "a defect" in reasons[0]
    with pytest.raises(DeviceError):
        submit(made, sequence([1]))
    made.cancel(several[0][0])


def test_closing_answers_those_who_run_and_those_who_wait(sequence: Make, counting: Any) -> None:
    made = engine(counting, contexts=1)
    running, waiting = sequence([1], 90), sequence([1])

    def close(number: int) -> None:
        made._closed = True
        with pytest.raises(DeviceError, match="closed"):
            submit(made, sequence([1]))

    counting.before = close
    play(made, running, waiting)
    for _, reader in (running, waiting):
        assert isinstance(reader.errors[0], DeviceError)
    with pytest.raises(DeviceError, match="closed"):
        submit(made, sequence([1]))
    made.close()


def test_a_cancelled_sequence_gives_its_pages_back(sequence: Make, counting: Any) -> None:
    made = engine(counting, contexts=1)
    running, waiting, last = sequence([1], 90), sequence([1], 90), sequence([1], 3)

    def cancel(number: int) -> None:
        if number == 5:
            made.cancel(running[0])
            made.cancel(waiting[0])

    counting.before = cancel
    submit(made, running, waiting, last)
    made.start()
    assert last[1].done()
    made.close()
    assert len(written(running[0])) == 5 and written(waiting[0]) == []
    assert left(made) == 64


def test_a_call_that_is_cancelled_in_a_step_pays_for_it_and_is_let_go_after_it(
    sequence: Make, counting: Any
) -> None:
    made = engine(counting)
    call, reader = sequence([1] * 600)
    gone = threading.Event()

    def cancel(number: int) -> None:
        assert not made.cancel(call, gone.set) and not gone.is_set()

    counting.before = cancel
    submit(made, (call, reader))
    made.start()
    assert gone.wait(60)
    assert made.cancel(call)
    made.close()
    assert reader.meter.usage.input_tokens == STEP_TOKENS
    assert reader.meter.usage.device_seconds > 0
    assert left(made) == 64


def test_whoever_takes_a_text_back_waits_for_the_step_that_reads_it(counting: Any) -> None:
    made = engine(counting)
    meter, begun, go = Meter(), threading.Event(), threading.Event()

    def before(number: int) -> None:
        begun.set()
        go.wait(60)

    counting.before = before

    async def scene() -> None:
        desk, context = Desk(made, lambda tokens: "", frozenset()), Context(1, "alice", [1] * 40)
        made.open(context)
        reading = asyncio.create_task(desk.read(context, Owner(pid=1), meter, 40))
        await asyncio.to_thread(begun.wait, 60)
        reading.cancel()
        await asyncio.sleep(0)
        assert not reading.done() and not meter.usage.device_seconds
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert meter.usage.input_tokens == 39 and meter.usage.device_seconds > 0

    made.start()
    asyncio.run(scene())
    made.close()


def test_an_engine_that_ends_lets_go_of_what_was_cancelled_in_its_last_step(
    sequence: Make, counting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = engine(counting)
    call, reader = sequence([1])
    gone = threading.Event()

    def fail(*_: object) -> None:
        raise SystemError("a defect")

    counting.before = lambda number: made.cancel(call, gone.set)
    monkeypatch.setattr(made._virtual, "wrote", fail)
    submit(made, (call, reader))
    made.start()
    assert gone.wait(60)
    made.close()


def test_who_writes_is_never_held_up_and_long_prompts_come_in_their_turn(
    sequence: Make, counting: Any
) -> None:
    made = engine(counting, pages=300)
    writing, long = sequence([1], 9), sequence(list(range(900)) * 2, 1)
    short = [sequence([n] * 256, 1) for n in range(5)]
    play(made, writing, long, *short)
    ended = {}
    for number, spans in enumerate(counting.steps):
        assert sum(span.count for span in spans) <= STEP_TOKENS
        for span in spans:
            ended[id(span.table)] = number
    # It wrote in each of the first steps, while 1800 tokens were read at up to 511 a step.
    assert [spans[0].count for spans in counting.steps[:4]] == [1] * 4
    assert len(written(writing[0])) == 9
    assert ended[id(long[0].context.table)] == 3


def test_a_large_limit_keeps_nobody_out(sequence: Make, counting: Any) -> None:
    made = engine(counting, pages=40, contexts=8)
    greedy = [sequence([1], 600, ends=frozenset({30})) for _ in range(7)]
    modest = sequence([1], 2)
    order: list[Any] = []
    for one, reader in (*greedy, modest):
        emit = reader.emit
        one._emit = lambda d, one=one, emit=emit: (d.finish and order.append(one), emit(d))
    play(made, *greedy, modest)
    assert order[0] is modest[0]
    assert max(len(spans) for spans in counting.steps) == 8
    assert left(made) == 40


def test_a_request_that_no_pool_can_hold_is_refused(sequence: Make, counting: Any) -> None:
    made = engine(counting, pages=2)
    with pytest.raises(InvalidArgument, match="33 tokens are wanted; the device holds 32"):
        submit(made, sequence([1] * 25, 8))
    play(made, sequence([1] * 24, 8))


def test_the_youngest_gives_way_and_all_come_to_their_end(sequence: Make, counting: Any) -> None:
    made = engine(counting, pages=8)
    several = [sequence([1], 90) for _ in range(4)]  # each comes to need six of the eight pages
    ends: list[int] = []
    for number, (one, reader) in enumerate(several):
        emit = reader.emit
        one._emit = lambda d, n=number, emit=emit: (d.finish and ends.append(n), emit(d))
    play(made, *several)
    assert ends == [0, 1, 2, 3]
    for one, reader in several:
        assert written(one) == COUNTED[:90] and not reader.errors
        assert len(reader.deltas) == 90
    stood_still = [reader.meter.preemptions for _, reader in several]
    assert not stood_still[0] and stood_still[-1]
    assert left(made) == 8


def test_tokens_are_those_of_generate_also_when_pages_run_out(build: Any, sequence: Make) -> None:
    source = torch.Generator().manual_seed(3)
    prompts = [torch.randint(3, 250, (n,), generator=source).tolist() for n in (3, 30, 17, 60, 9)]
    model = build("llama", eos_token_id=None)
    with torch.inference_mode():
        wanted = [
            model.generate(
                torch.tensor([one]), max_new_tokens=24, min_new_tokens=24, do_sample=False
            )[0, len(one) :].tolist()
            for one in prompts
        ]
    pages = 7
    runner = Runner(model, pages=pages, page_size=16, contexts=4)
    made = engine(runner, pages=pages, contexts=4)
    sampled = [sequence(one, 24, decode=lambda tokens: "") for one in prompts]
    play(made, *sampled)
    assert [written(one) for one, _ in sampled] == wanted
    assert left(made) == pages
