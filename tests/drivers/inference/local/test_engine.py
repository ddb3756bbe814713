"""Many requests on one engine: none harms another, none waits for ever, no page is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from llmagentos.drivers.inference.local.engine import STEP_TOKENS, PagedEngine
from llmagentos.drivers.inference.local.pager import Pager
from llmagentos.drivers.inference.local.runner import Runner
from llmagentos.syscalls.errors import DeviceError, InvalidArgument

Make = Callable[..., Any]
#: What `counting` writes after a prompt that ends in 1.
COUNTED = list(range(2, 100))


def engine(runner: Any, pages: int = 64, contexts: int = 8) -> tuple[PagedEngine, Pager]:
    pager = Pager(pages, 16)
    return PagedEngine(runner, pager, contexts=contexts), pager


def play(made: PagedEngine, *sequences: Any) -> None:
    """Submit all before the first step, so that every run is the same; wait for all."""
    for one, _ in sequences:
        made.submit(one)
    made.start()
    assert all(reader.done() for _, reader in sequences)
    made.close()


def written(one: Any) -> list[int]:
    return list(one.tokens[one.prompt :])


def test_many_are_served_at_once_and_leave_nothing_behind(sequence: Make, counting: Any) -> None:
    made, pager = engine(counting, contexts=3)
    several = [
        sequence([1] * n, limit) for n, limit in ((1, 9), (40, 3), (5, 5), (700, 2), (16, 1))
    ]
    play(made, *several)
    for one, reader in several:
        assert written(one) == COUNTED[: one.limit]
        assert reader.deltas[-1].finish == "length"
    assert pager.free == 64
    assert max(len(spans) for spans in counting.steps) == 3


class Odd:
    """A sampler that fails at the second token."""

    def __init__(self) -> None:
        self.calls = 0

    def pick(self, logits: Any, likeliest: int) -> int:
        self.calls += 1
        if self.calls == 2:
            raise RuntimeError("no such chance")
        return likeliest


def test_a_sequence_that_fails_takes_no_other_with_it(sequence: Make, counting: Any) -> None:
    made, pager = engine(counting)
    bad, good = sequence([1], sampler=Odd()), sequence([1])
    torn = sequence([1], decode=lambda tokens: tokens[1000])
    play(made, bad, torn, good)
    assert "no such chance" in str(bad[1].errors[0]) and torn[1].errors
    assert written(good[0]) == COUNTED[:8] and not good[1].errors
    assert bad[1].meter.usage.output_tokens == 1
    assert pager.free == 64


def test_pages_of_a_sequence_whose_logits_are_no_numbers_are_wiped(
    sequence: Make, counting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = counting.step

    def poisoned(spans: Any, tokens: list[int]) -> Any:
        logits = step(spans, tokens)
        logits[[span.table is bad[0].table for span in spans]] = float("nan")
        return logits

    monkeypatch.setattr(counting, "step", poisoned)
    made, pager = engine(counting)
    bad, good = sequence([1] * 20), sequence([1] * 17)
    play(made, bad, good)
    assert "no numbers" in str(bad[1].errors[0])
    assert len(counting.wiped) == 2 and pager.free == 64
    assert written(good[0]) == COUNTED[:8]


def test_a_step_that_fails_ends_its_sequences_and_the_engine_goes_on(
    sequence: Make, counting: Any
) -> None:
    def fail(number: int) -> None:
        if number == 1:
            counting.before = lambda number: None
            raise MemoryError("too much")

    counting.before = fail
    made, pager = engine(counting)
    first, later = sequence([1]), sequence([1])
    made.submit(first[0])
    made.start()
    assert first[1].done() and "too much" in str(first[1].errors[0])
    made.submit(later[0])
    assert later[1].done() and written(later[0]) == COUNTED[:8]
    made.close()
    assert pager.free == 64


def test_an_engine_that_ends_of_itself_leaves_nobody_waiting(
    sequence: Make, counting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(slot: int) -> None:
        raise SystemError("a defect")

    monkeypatch.setattr(counting, "forget", broken)
    made, _ = engine(counting)
    several = [sequence([1]) for _ in range(3)]
    play(made, *several)
    assert all("a defect" in str(reader.errors[0]) for _, reader in several)
    with pytest.raises(DeviceError):
        made.submit(sequence([1])[0])
    made.cancel(several[0][0])


def test_closing_answers_those_who_run_and_those_who_wait(sequence: Make, counting: Any) -> None:
    made, _ = engine(counting, contexts=1)
    running, waiting, late = sequence([1], 90), sequence([1]), sequence([1])

    def close(number: int) -> None:
        made._order(None)
        made.submit(late[0])
        counting.before = lambda number: None

    counting.before = close
    play(made, running, waiting, late)
    for _, reader in (running, waiting, late):
        assert isinstance(reader.errors[0], DeviceError)
    with pytest.raises(DeviceError, match="closed"):
        made.submit(sequence([1])[0])
    made.close()


def test_a_cancelled_sequence_gives_its_pages_back(sequence: Make, counting: Any) -> None:
    made, pager = engine(counting, contexts=1)
    running, waiting, last = sequence([1], 90), sequence([1], 90), sequence([1], 3)

    def cancel(number: int) -> None:
        if number == 5:
            made.cancel(running[0])
            made.cancel(waiting[0])

    counting.before = cancel
    for one in (running, waiting, last):
        made.submit(one[0])
    made.start()
    assert last[1].done()
    made.close()
    assert len(written(running[0])) == 6 and written(waiting[0]) == []
    assert pager.free == 64


def test_who_writes_is_never_held_up_and_long_prompts_come_in_their_turn(
    sequence: Make, counting: Any
) -> None:
    made, _ = engine(counting, pages=300)
    writing, long = sequence([1], 9), sequence([1] * 2000, 1)
    short = [sequence([1] * 256, 1) for _ in range(5)]
    play(made, writing, long, *short)
    ended = {}
    for number, spans in enumerate(counting.steps):
        assert sum(span.count for span in spans) <= STEP_TOKENS
        for span in spans:
            ended[span.slot] = number
    # It wrote in each of the first steps, while 2000 tokens were read at about 511 a step.
    assert [spans[0].count for spans in counting.steps[:4]] == [1] * 4
    assert len(written(writing[0])) == 9
    assert long[0].slot == 1 and ended[1] == 3


def test_a_large_limit_keeps_nobody_out(sequence: Make, counting: Any) -> None:
    made, pager = engine(counting, pages=40, contexts=8)
    greedy = [sequence([1], 600, ends=frozenset({30})) for _ in range(7)]
    modest = sequence([1], 2)
    order: list[Any] = []
    for one, reader in (*greedy, modest):
        emit = reader.emit
        one._emit = lambda d, one=one, emit=emit: (d.finish and order.append(one), emit(d))
    play(made, *greedy, modest)
    assert order[0] is modest[0]
    assert max(len(spans) for spans in counting.steps) == 8
    assert pager.free == 40


def test_a_request_that_no_pool_can_hold_is_refused(sequence: Make, counting: Any) -> None:
    made, _ = engine(counting, pages=2)
    with pytest.raises(InvalidArgument, match="33 tokens are wanted; the device holds 32"):
        made.submit(sequence([1] * 25, 8)[0])
    play(made, sequence([1] * 24, 8))


def test_the_youngest_gives_way_and_all_come_to_their_end(sequence: Make, counting: Any) -> None:
    made, pager = engine(counting, pages=8)
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
    assert pager.free == 8


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
    made, pager = engine(runner, pages=pages, contexts=4)
    sampled = [sequence(one, 24, decode=lambda tokens: "") for one in prompts]
    play(made, *sampled)
    assert [written(one) for one, _ in sampled] == wanted
    assert pager.free == pages
