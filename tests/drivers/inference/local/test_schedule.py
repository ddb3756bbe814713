"""Who runs in a step: the best-ranked, and nobody waits for ever."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from llmagentos.drivers.inference.local.context import Context
from llmagentos.drivers.inference.local.engine import PagedEngine
from llmagentos.drivers.inference.local.pager import Pager
from llmagentos.drivers.inference.local.runner import Runner
from llmagentos.drivers.inference.local.sequence import Sequence
from llmagentos.syscalls.errors import QuotaExceeded

from .test_engine import COUNTED, engine, left, play, submit, written

Make = Callable[..., Any]


def ends(*made: Any) -> list[int]:
    """Note in which order calls come to their end."""
    order: list[int] = []
    for number, (one, _) in enumerate(made):
        emit = one._emit
        one._emit = lambda delta, n=number, emit=emit: (
            delta.finish and order.append(n),
            emit(delta),
        )
    return order


def test_the_best_ranked_run_and_ties_go_by_arrival(sequence: Make, counting: Any) -> None:
    made = engine(counting, contexts=1)
    several = [sequence([1], 3, rank=rank) for rank in ((2.0,), (1.0, 5.0), (1.0, 4.0), (2.0,))]
    order = ends(*several)
    play(made, *several)
    assert order == [2, 1, 0, 3]


def test_a_better_one_takes_the_slot_of_a_worse_one_at_the_next_step(
    sequence: Make, counting: Any
) -> None:
    made = engine(counting, contexts=2)
    worst, worse, best = (sequence([1], 20, rank=(rank,)) for rank in (3.0, 2.0, 1.0))
    order = ends(worst, worse, best)

    def arrive(number: int) -> None:
        if number == 5:
            submit(made, best)

    counting.before = arrive
    play(made, worst, worse)
    assert best[1].done() and order == [1, 2, 0]
    tables = [[id(span.table) for span in spans] for spans in counting.steps]
    assert set(tables[6]) == {id(worse[0].context.table), id(best[0].context.table)}
    assert all(written(one) == COUNTED[:20] for one, _ in (worst, worse, best))
    # Nothing was read twice.
    assert sum(span.count for spans in counting.steps for span in spans) == 60


def test_a_new_rank_holds_from_the_next_step_on(sequence: Make, counting: Any) -> None:
    made = engine(counting, contexts=1)
    first, second = sequence([1], 20, number=7, rank=(1.0,)), sequence([1], 5, rank=(2.0,))
    order = ends(first, second)

    def renice(number: int) -> None:
        if number == 3:
            made.rank(7, (3.0,))

    counting.before = renice
    play(made, first, second)
    assert order == [1, 0]
    assert [id(spans[0].table) for spans in counting.steps[4:9]] == [
        id(second[0].context.table)
    ] * 5


def test_a_suspended_process_does_not_run_until_it_may(sequence: Make, counting: Any) -> None:
    made = engine(counting, places=64)
    first, second = sequence([1], 20, pid=1), sequence([1], 10, pid=2)
    order = ends(first, second)

    def suspend(number: int) -> None:
        if number == 3:
            made.process(1, "suspended", None)
        elif number == 8:
            assert made.pages(1).swapped == 1
            assert len(counting.steps[-1]) == 1

    counting.before = suspend
    submit(made, first, second)
    made.start()
    assert second[1].done()
    counting.before = lambda number: None
    made.process(1, "running", None)
    assert first[1].done()
    made.close()
    assert order == [1, 0] and written(first[0]) == COUNTED[:20]


def test_a_page_that_is_being_read_is_not_read_twice(sequence: Make, counting: Any) -> None:
    made = engine(counting)
    text = list(range(100))
    several = [sequence([*text, 200 + n], 1) for n in range(4)]
    play(made, *several)
    read = sum(span.count for spans in counting.steps for span in spans)
    assert read == 101 + 3 * 5


def test_who_may_hold_fewer_pages_than_its_calls_need_runs_fewer_at_once(
    sequence: Make, counting: Any
) -> None:
    made = engine(counting, quota=6)
    mine = [sequence([n] * 40, 20, pid=1) for n in range(4)]
    other = sequence([9] * 40, 40, pid=2)
    play(made, *mine, other)
    for one, reader in (*mine, other):
        assert not reader.errors and reader.deltas[-1].finish == "length", one.context.pid
    assert left(made) == 64


def test_a_reply_that_needs_more_than_its_process_may_hold_is_an_error(
    sequence: Make, counting: Any
) -> None:
    made = engine(counting, quota=3)
    with pytest.raises(QuotaExceeded, match="would hold 4 pages; it may hold 3"):
        submit(made, sequence([1] * 49, 1))
    big, small = sequence([1] * 40, 20), sequence([1], 10, pid=2)
    play(made, big, small)
    assert isinstance(big[1].errors[0], QuotaExceeded)
    assert written(small[0]) == COUNTED[:10]


def test_what_nobody_waits_for_is_given_up_before_anybody_stops(
    sequence: Make, counting: Any
) -> None:
    """Idle contexts give their pages to one that runs; pinned ones last."""
    made = engine(counting, pages=8)
    idle = [Context(pid, "alice", [pid] * 33, stays=True) for pid in (1, 2)]
    made.start()
    for context in idle:
        made.open(context)
        reply, reader = sequence([], 1, context=context)
        made.submit(reply)
        assert reader.done()
    made.pin(idle[0], 60.0)
    running = sequence([3] * 60, 20)
    submit(made, running)
    assert running[1].done() and not running[1].errors
    assert len(idle[0].table.held) == 3 and len(idle[1].table.held) == 0
    made.close()


def test_pages_of_who_comes_back_soon_are_kept_at_the_cost_of_a_worse_call(
    sequence: Make, counting: Any
) -> None:
    made = engine(counting, pages=8)
    made.start()
    soon = Context(1, "alice", [1] * 33, stays=True)
    made.open(soon)
    reply, reader = sequence([], 1, context=soon)
    made.submit(reply)
    assert reader.done()
    # Reading is dear and it comes back at once: its pages stay, and the worse call stops.
    made._virtual.costs.read = 1e3
    made.process(1, "blocked", 1e-3)
    made._processes._clock = lambda: made._processes._seen[1].since
    better = sequence([2] * 20, 20, pid=2, rank=(1.0,))
    worse = sequence([3] * 20, 20, pid=3, rank=(2.0,))
    kept, emit = list[int](), better[0]._emit
    better[0]._emit = lambda delta: (kept.append(len(soon.table.held)), emit(delta))
    order = ends(better, worse)
    submit(made, better, worse)
    assert worse[1].done() and order == [0, 1] and kept == [3] * 20
    made.close()


def test_a_fork_of_all_that_fits_is_read_again(sequence: Make, counting: Any) -> None:
    made = engine(counting, pages=3, quota=9)
    made.start()
    whole = Context(1, "alice", [1] * 40, stays=True)
    made.open(whole)
    reply, reader = sequence([], 1, context=whole)
    made.submit(reply)
    assert reader.done()
    [fork] = made.fork(whole)
    reply, reader = sequence([], 5, context=fork)
    made.submit(reply)
    assert reader.done() and written(reply) == COUNTED[1:6]
    made.close()


@pytest.mark.parametrize("places", [0, 40])
def test_200_contexts_that_need_four_times_the_pool_all_come_to_their_end(
    build: Any, sequence: Make, places: int
) -> None:
    """Each is opened, answered, kept, and answered again, so that all are wanted all the time."""
    pages, size, dice = 150, 8, random.Random(1)
    model = build("llama", num_hidden_layers=1)
    made = PagedEngine(
        Runner(model, pages=pages, page_size=size, contexts=16),
        Pager(pages, size, places),
        contexts=16,
        quota=1000,
    )
    contexts = [Context(pid % 20, f"user {pid % 3}", [], stays=True) for pid in range(200)]
    for context in contexts:
        made.open(context)
    made.start()
    for turn in range(2):
        calls: list[tuple[Sequence, Any]] = []
        for context in contexts:
            piece = [dice.randrange(3, 250) for _ in range(12)]
            rank = (float(dice.randrange(3)),)
            calls.append(sequence(piece, 4, context=context, rank=rank, decode=lambda tokens: ""))
        for call, _ in calls:
            made.submit(call)
        for call, reader in calls:
            assert reader.done() and not reader.errors
            assert len(call.context.tokens) == 16 * (turn + 1)
    assert 200 * 4 >= 4 * pages
    found = made.pages(1)
    assert found.swapped <= places
    for context in contexts:
        made.release(context)
    assert left(made) + made.pages(1).swapped >= pages
    made.close()


def test_what_ends_in_the_step_in_which_it_is_taken_back_ends_once(
    sequence: Make, counting: Any
) -> None:
    made = engine(counting)
    one = sequence([1], 1)

    def cancel(number: int) -> None:
        made.cancel(one[0])

    counting.before = cancel
    other = sequence([1], 4)
    play_both = [one, other]
    submit(made, *play_both)
    made.start()
    assert other[1].done()
    made.close()
    assert not one[1].deltas and left(made) == 64


def test_random_ranks_states_and_cancellations_leave_nobody_behind(
    sequence: Make, counting: Any
) -> None:
    dice, made = random.Random(4), engine(counting, pages=24, contexts=5, places=9)
    several = [
        sequence([dice.randrange(3)] * dice.randrange(1, 90), dice.randrange(1, 60),
                 pid=n % 6 + 1, number=n)
        for n in range(60)
    ]  # fmt: skip
    taken: set[int] = set()

    def disturb(number: int) -> None:
        pid, call = dice.randrange(1, 7), dice.randrange(60)
        made.rank(call, (dice.random(),))
        made.process(
            pid, dice.choice(["running", "running", "suspended", "blocked"]), dice.random()
        )
        if number % 9 == 0:
            made.cancel(several[call][0])
            taken.add(call)
        if number % 5 == 0:
            for one in range(1, 7):
                made.process(one, "running", None)

    counting.before = disturb
    submit(made, *several)
    made.start()
    for number, (one, reader) in enumerate(several):
        while number not in taken and not reader._done.wait(0.05):
            for pid in range(1, 7):
                made.process(pid, "running", None)
        if number not in taken:
            last = one.context.tokens[one.prompt - 1]
            assert written(one) == [last + 1 + n for n in range(one.limit)]
    made.close()
    assert left(made) == 24


def test_what_a_process_has_said_last_is_moved_rather_than_lost(
    sequence: Make, counting: Any
) -> None:
    made = engine(counting, pages=8, places=20)
    made.start()

    def talk(pid: int, text: list[int], limit: int) -> int:
        """Return how many tokens were read and written for it."""
        before = len(counting.steps)
        one = sequence(text, limit, pid=pid)
        submit(made, one)
        assert one[1].done() and written(one[0])[-1] == text[-1] + limit
        return sum(span.count for spans in counting.steps[before:] for span in spans)

    assert talk(1, [1] * 60, 2) == 61
    assert talk(2, [2] * 60, 60) == 119
    assert made.pages(1).swapped == 4
    assert talk(1, [1] * 60 + [2, 3, 4], 2) == 64 - 48
    # Of what was said before that, nobody keeps count.
    assert talk(1, [3] * 60, 2) == 61
    assert sum(1 for _ in made._virtual) == 2
    made.process(1, "gone", None)
    assert sum(1 for _ in made._virtual) == 1
    made.close()


def test_the_host_gives_up_first_what_was_said_longest_ago(sequence: Make, counting: Any) -> None:
    made = engine(counting, pages=4, places=7)
    made.start()
    for pid in range(1, 6):
        one = sequence([pid] * 50, 1, pid=pid)
        submit(made, one)
        assert one[1].done()
    rows = {holder.pid: holder for holder in made.pages(1).holders}
    assert set(rows) == {4, 5} and rows[4].swapped == 4 and rows[5].pages == 4
    made.close()


def test_a_context_whose_call_was_taken_back_in_a_step_goes_on(
    sequence: Make, counting: Any
) -> None:
    made = engine(counting)
    made.start()
    context = Context(1, "alice", [], stays=True)
    made.open(context)
    first, second = sequence([1] * 20, 50, context=context), sequence([7], 9, pid=2)

    def cancel(number: int) -> None:
        if number == 3:
            made.cancel(first[0])

    counting.before = cancel
    made.submit(first[0])
    submit(made, second)
    assert second[1].done() and context.tokens == [1] * 20 + [2, 3, 4]
    again = sequence([], 3, context=context)
    made.submit(again[0])
    assert again[1].done() and written(again[0]) == [5, 6, 7]
    made.close()
