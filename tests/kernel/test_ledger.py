"""What a call may cost is set aside before it and settled after it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from llmagentos.kernel.budget import Limits
from llmagentos.kernel.call import Call
from llmagentos.kernel.ledger import REPLY_TOKENS, Ledger
from llmagentos.kernel.process import ControlBlock, ProcessTable
from llmagentos.syscalls.codec import pack
from llmagentos.syscalls.errors import QuotaExceeded, TryAgain
from llmagentos.syscalls.interface import Traits
from llmagentos.syscalls.table import Description


def process(**limits: float) -> ControlBlock:
    return ProcessTable().create(principal="ada", program="test", limits=Limits(limits))


def call(caller: ControlBlock, arguments: Any = None, device: str | None = "inference") -> Call:
    described = Description(
        name="model.chat",
        doc="",
        traits=Traits(device=device),
        parameters=[],
        arguments={},
        result={},
    )
    body = b"\xc1" if arguments is ... else pack(arguments)
    return Call(1, described, caller, 1, caller, 0.0, 30.0, body)


def reserved(caller: ControlBlock) -> dict[str, float]:
    return caller.budget.snapshot()["reserved"]


def test_question_and_longest_answer_are_set_aside_and_the_rest_comes_back() -> None:
    caller = process(tokens=1000)
    one = call(caller, {"messages": "x" * 300, "max_tokens": 50})
    Ledger().reserve(one)
    assert reserved(caller) == {"tokens": len(one.body) + 50}
    Ledger().commit(one, {"tokens": 70, "device_seconds": 0.5})
    assert reserved(caller) == {}
    assert caller.budget.usage() == {"tokens": 70, "device_seconds": 0.5}


@pytest.mark.parametrize("asked", [None, 0, -5, "many", 2.5, [1]])
def test_answer_of_no_named_length_counts_as_the_usual_one(asked: Any) -> None:
    caller = process(tokens=1000)
    one = call(caller, {"max_tokens": asked})
    Ledger().reserve(one)
    assert reserved(caller) == {"tokens": len(one.body) + REPLY_TOKENS}


@pytest.mark.parametrize("arguments", [None, [], "text", 7])
def test_arguments_that_are_no_map_are_somebody_elses_affair(arguments: Any) -> None:
    caller = process(tokens=1000)
    Ledger().reserve(call(caller, arguments))
    assert reserved(caller)["tokens"] >= REPLY_TOKENS


def test_call_that_could_overspend_is_refused_before_it_happens() -> None:
    parent = process(tokens=600)
    child = ProcessTable().create(principal="ada", program="child", parent=parent)
    first = call(child)
    Ledger().reserve(first)
    with pytest.raises(QuotaExceeded, match="tokens"):
        Ledger().reserve(call(child))
    Ledger().commit(first, {"tokens": 10})
    assert parent.budget.usage() == {"tokens": 10} and reserved(parent) == {}
    Ledger().reserve(call(child))


@pytest.mark.parametrize("resource", ["money", "device_seconds"])
def test_cost_that_is_known_only_later_is_refused_once_nothing_is_left(resource: str) -> None:
    caller, ledger = process(**{resource: 1.0}), Ledger()
    first = call(caller)
    ledger.reserve(first)
    assert reserved(caller) == {resource: 1.0}
    ledger.commit(first, {resource: 1.1})
    assert caller.budget.usage()[resource] == pytest.approx(1.1)
    with pytest.raises(QuotaExceeded, match=resource):
        ledger.reserve(call(caller))
    with pytest.raises(QuotaExceeded):
        Ledger().reserve(call(process(**{resource: 0.0})))


def test_what_a_syscall_has_cost_before_is_set_aside_for_the_next() -> None:
    caller, ledger = process(money=1.0), Ledger()
    first = call(caller)
    ledger.reserve(first)
    size = len(first.body) + REPLY_TOKENS
    ledger.commit(first, {"money": 0.25, "tokens": size})
    at_once = [call(caller) for _ in range(3)]
    for one in at_once:
        ledger.reserve(one)
    assert reserved(caller) == {"money": pytest.approx(0.75)}
    with pytest.raises(TryAgain, match="money"):
        ledger.reserve(call(caller))
    ledger.commit(at_once[0], {})
    ledger.reserve(call(caller))


@pytest.mark.parametrize("resource", ["money", "device_seconds"])
def test_first_calls_of_a_kind_run_one_at_a_time_under_a_limit(resource: str) -> None:
    parent, ledger = process(**{resource: 1.0}), Ledger()
    children = [ProcessTable().create(principal="ada", program="c", parent=parent) for _ in "ab"]
    first, second = map(call, children)
    ledger.reserve(first)
    with pytest.raises(TryAgain) as refusal:
        ledger.reserve(second)
    assert refusal.value.details["retry_after"] > 0
    ledger.commit(first, {resource: 0.4, "tokens": 1000})
    ledger.reserve(second)
    size = len(second.body) + REPLY_TOKENS
    assert reserved(parent) == {resource: pytest.approx(0.0004 * size)}


@pytest.mark.parametrize("resource", ["money", "device_seconds"])
def test_calls_that_count_no_tokens_run_one_at_a_time_whatever_the_last_one_cost(
    resource: str,
) -> None:
    caller, ledger = process(**{resource: 1.0}), Ledger()
    for _ in range(3):
        one = call(caller)
        ledger.reserve(one)
        with pytest.raises(TryAgain):
            ledger.reserve(call(caller))
        ledger.commit(one, {resource: 0.3})
    with pytest.raises(QuotaExceeded):
        ledger.reserve(call(caller))


def test_call_that_broke_off_says_nothing_of_what_its_kind_costs_at_most() -> None:
    caller, ledger = process(money=1.0), Ledger()
    first = call(caller)
    ledger.reserve(first)
    ledger.commit(first, {"money": 0.001}, done=False)
    ledger.reserve(call(caller))
    with pytest.raises(TryAgain):
        ledger.reserve(call(caller))


def test_what_one_model_costs_says_nothing_of_another() -> None:
    caller, ledger = process(money=1.0), Ledger()
    free = call(caller, {"model": "small"})
    ledger.reserve(free)
    ledger.commit(free, {"tokens": 9})
    for _ in range(3):
        ledger.reserve(call(caller, {"model": "small"}))
    assert reserved(caller) == {}
    ledger.reserve(call(caller, {"model": "large"}))
    assert reserved(caller) == {"money": 1.0}
    ledger.reserve(call(caller, {"model": "small"}))


def test_longer_call_sets_aside_more_money_by_its_most_tokens() -> None:
    caller, ledger = process(money=10.0), Ledger()
    first = call(caller, {"max_tokens": 10})
    ledger.reserve(first)
    ledger.commit(first, {"money": 0.02, "tokens": 20})
    long = call(caller, {"max_tokens": 1000})
    ledger.reserve(long)
    assert reserved(caller) == {"money": pytest.approx(0.001 * (len(long.body) + 1000))}


def test_rest_has_to_cover_the_dearest_in_money_and_a_usual_one_in_seconds() -> None:
    for resource, refused in (("money", True), ("device_seconds", False)):
        caller, ledger = process(**{resource: 1.0}), Ledger()
        first = call(caller)
        ledger.reserve(first)
        ledger.commit(first, {resource: 0.3, "tokens": 50})
        if refused:
            with pytest.raises(QuotaExceeded):
                ledger.reserve(call(caller))
        else:
            ledger.reserve(call(caller))
            assert reserved(caller) == {resource: pytest.approx(0.7)}


def test_costs_are_learned_anew_once_a_call_may_have_brought_another_model() -> None:
    caller, ledger = process(money=1.0), Ledger()
    first = call(caller)
    ledger.reserve(first)
    ledger.commit(first, {})
    ledger.reserve(call(caller))
    assert reserved(caller) == {}
    chosen = call(process(), device=None)
    chosen.syscall = replace(chosen.syscall, name="model.use")
    ledger.commit(chosen, None)
    ledger.reserve(call(caller))
    assert reserved(caller) == {"money": 1.0}


def test_body_stays_opaque_while_nobody_limits_its_cost_and_a_broken_one_harms_nobody() -> None:
    for caller in (process(), process(money=1.0)):
        one = call(caller, ...)
        Ledger().reserve(one)
        Ledger().commit(one, {"tokens": 5})
        assert caller.budget.usage() == {"tokens": 5}


def test_call_for_no_device_costs_nothing_before_and_what_it_says_after() -> None:
    caller, ledger = process(tokens=0), Ledger()
    one = call(caller, device=None)
    ledger.reserve(one)
    assert one.reservation is None
    ledger.commit(one, None)
    assert caller.budget.usage() == {}
    ledger.commit(one, {"tokens": 3})
    assert caller.budget.usage() == {"tokens": 3}
    with pytest.raises(QuotaExceeded):
        ledger.reserve(call(caller, device=None))


@pytest.mark.parametrize("amount", [-5, "7", None, [1]])
def test_reported_cost_that_is_none_is_left_out(amount: Any) -> None:
    caller = process(money=1.0)
    one = call(caller)
    Ledger().reserve(one)
    Ledger().commit(one, {"money": amount, "colours": 9, "device_seconds": 2})
    assert caller.budget.usage() == {"device_seconds": 2}


@pytest.mark.parametrize("amount", [math.nan, math.inf])
def test_reported_cost_that_is_no_number_ends_a_budget_of_which_all_was_set_aside(
    amount: float,
) -> None:
    caller, ledger = process(money=1.0), Ledger()
    one = call(caller)
    ledger.reserve(one)
    ledger.commit(one, {"money": amount})
    with pytest.raises(QuotaExceeded):
        ledger.reserve(call(caller))


def test_call_without_a_report_gives_everything_back() -> None:
    caller = process(tokens=1000)
    one = call(caller)
    Ledger().reserve(one)
    Ledger().commit(one, None)
    assert reserved(caller) == {} == caller.budget.usage()


def test_running_call_is_charged_in_parts_and_at_its_end_for_the_rest() -> None:
    caller, ledger = process(tokens=1000), Ledger()
    one = call(caller, {"max_tokens": 50})
    ledger.reserve(one)
    aside = len(one.body) + 50
    ledger.charge(one, {"tokens": 20, "device_seconds": 0.5, "preemptions": 1})
    ledger.charge(one, {"tokens": 10, "device_seconds": math.nan})
    assert reserved(caller) == {"tokens": aside - 30}
    assert caller.budget.usage() == {"tokens": 30, "device_seconds": 0.5}
    ledger.commit(one, {"tokens": 45, "device_seconds": 0.5, "preemptions": 3})
    assert reserved(caller) == {}
    assert caller.budget.usage() == {"tokens": 45, "device_seconds": 0.5}
    assert one.used == {"tokens": 45, "device_seconds": 0.5, "preemptions": 3}


def test_report_at_the_end_that_is_lower_than_what_was_charged_gives_nothing_back() -> None:
    caller, ledger = process(tokens=1000), Ledger()
    one = call(caller)
    ledger.reserve(one)
    ledger.charge(one, {"tokens": 20})
    ledger.commit(one, {"tokens": 5})
    assert caller.budget.usage() == {"tokens": 20} and reserved(caller) == {}


def test_call_that_costs_more_than_set_aside_goes_on_while_something_is_left() -> None:
    caller, ledger = process(device_seconds=9.0), Ledger()
    one = call(caller)
    ledger.reserve(one)
    ledger.charge(one, {"device_seconds": 8.0})
    with pytest.raises(QuotaExceeded, match="device_seconds"):
        ledger.charge(one, {"device_seconds": 1.5})
    assert caller.budget.usage() == {"device_seconds": 9.5}


def test_call_within_what_was_set_aside_for_it_goes_on_after_anothers_overspend() -> None:
    caller, ledger = process(money=1.0), Ledger()
    first = call(teacher := process(money=9.0))
    ledger.reserve(first)
    size = len(first.body) + REPLY_TOKENS
    ledger.commit(first, {"money": 0.4, "tokens": size})  # what such a call costs
    assert teacher.budget.usage()["money"] == 0.4
    spender, steady = call(caller), call(caller)
    ledger.reserve(spender)
    ledger.reserve(steady)
    with pytest.raises(QuotaExceeded):
        ledger.charge(spender, {"money": 0.7})
    ledger.charge(steady, {"money": 0.4})
    with pytest.raises(QuotaExceeded):
        ledger.charge(steady, {"money": 0.01})
