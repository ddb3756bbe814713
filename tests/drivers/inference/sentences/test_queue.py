"""Calls take turns by slices, and whoever waits no longer leaves at once."""

from __future__ import annotations

import pytest

from llmagentos.drivers.inference.contract import Meter
from llmagentos.drivers.inference.sentences.queue import Job, Queue
from llmagentos.syscalls.errors import DeviceError, TryAgain


def job(*lengths: int) -> Job:
    return Job([[7] * length for length in lengths], Meter())


def drawn(slice: list[tuple[Job, int]], of: Job) -> list[int]:
    return [at for one, at in slice if one is of]


def test_a_slice_holds_texts_of_like_length_the_longest_first() -> None:
    queue, one = Queue(slice=20), job(3, 10, 4, 9, 3)
    queue.add(one)
    assert drawn(queue.take(), one) == [1, 3]
    assert sorted(drawn(queue.take(), one)) == [0, 2, 4]
    assert queue.take() == []


def test_a_text_longer_than_a_slice_goes_alone() -> None:
    queue, one = Queue(slice=20), job(50, 60)
    queue.add(one)
    assert [len(queue.take()) for _ in range(3)] == [1, 1, 0]


def test_a_short_call_waits_for_no_more_than_a_slice_of_a_long_one() -> None:
    queue, long = Queue(slice=20), job(*[10] * 100)
    queue.add(long)
    queue.take()
    short = job(5)
    queue.add(short)
    assert drawn(queue.take(), short) == [0]


def test_a_stream_of_short_calls_does_not_starve_a_long_one() -> None:
    queue, long, short = Queue(slice=20), job(*[20] * 10), job()
    queue.add(long)
    slices = 0
    while long.left and slices < 100:
        if not short.left:
            short = job(20)
            queue.add(short)
        queue.take()
        slices += 1
    assert slices <= 21


def test_what_room_is_left_goes_to_other_calls() -> None:
    queue, calls = Queue(slice=32), [job(8) for _ in range(6)]
    for one in calls:
        queue.add(one)
    assert [len(queue.take()) for _ in range(2)] == [4, 2]


def test_a_call_that_nobody_waits_for_leaves_the_queue() -> None:
    queue, gone, stays = Queue(slice=20), job(*[20] * 50), job(20)
    queue.add(gone)
    queue.add(stays)
    gone.future.cancel()
    assert drawn(queue.take(), stays) == [0]
    assert queue.take() == []


def test_too_many_texts_are_refused_but_for_one_call_alone() -> None:
    queue = Queue(most=10)
    queue.add(job(*[5] * 12))
    with pytest.raises(TryAgain) as refused:
        queue.add(job(5))
    assert refused.value.details["retry_after"] == 1.0


def test_a_call_pays_for_its_texts_and_tells_its_vectors_in_their_order() -> None:
    meter = Meter()
    one = Job([[1] * 3, [1] * 5], meter)
    one.give(one.draw(), [5.0], 0.5)
    assert meter.usage.input_tokens == 5 and not one.future.done()
    one.give(one.draw(), [3.0], 0.25)
    assert one.future.result() == [[3.0], [5.0]]
    assert meter.usage.input_tokens == 8 and meter.usage.device_seconds == 0.75


def test_a_call_that_failed_stays_failed() -> None:
    one = job(3, 5)
    first = one.draw()
    one.fail(DeviceError("out of memory"))
    one.give(first, [1.0], 0.1)
    one.fail(DeviceError("again"))
    with pytest.raises(DeviceError, match="out of memory"):
        one.future.result()
