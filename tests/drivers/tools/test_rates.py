"""How often a tool may be called."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.drivers.tools import rates
from llmagentos.drivers.tools.rates import Bucket, Rates
from llmagentos.syscalls.errors import InvalidArgument, TryAgain
from llmagentos.syscalls.server import Caller, serving
from llmagentos.syscalls.tool import ToolInfo

from .conftest import Clock


def info(name: str, rate: float | None = None) -> ToolInfo:
    return ToolInfo(
        name=name, description="", parameters={}, effect=False, untrusted=False, rate=rate
    )


@given(
    st.floats(0.5, 100),
    st.integers(1, 20),
    st.lists(st.floats(0, 10), min_size=1, max_size=50),
)
def test_no_stretch_of_time_sees_more_than_the_rate_allows(
    speed: float, size: int, pauses: list[float]
) -> None:
    clock = Clock()
    bucket = Bucket(speed, size, clock)
    taken: list[float] = []
    for pause in pauses:
        clock.now += pause
        wait = bucket.take()
        if wait:
            clock.now += wait * (1 + 1e-9) + 1e-9
            assert bucket.take() == 0
        taken.append(clock.now)
    for first, start in enumerate(taken):
        for last, end in enumerate(taken[first:], first):
            assert last - first + 1 <= size + speed * (end - start) + 1e-6


def test_the_owners_word_counts_for_more_than_the_tools() -> None:
    these = Rates({"a_*": 5, "a_b": 7}, Clock())
    assert [these.of(info(n, 3)) for n in ("a_b", "a_c", "b")] == [7, 5, 3]
    assert these.of(info("b")) is None


def test_each_principal_and_tool_has_a_bucket_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    these = Rates({"*": 1}, clock)
    for principal in ("alice", "bob"):
        for name in ("x", "y"):
            these.take(principal, info(name))
    with pytest.raises(TryAgain, match="x may be called 1 times a minute") as refused:
        these.take("alice", info("x"))
    assert refused.value.details["retry_after"] == pytest.approx(60)
    clock.now += 60
    these.take("alice", info("x"))
    monkeypatch.setattr(rates, "KEPT", 2)
    for number in range(10):
        these.take(f"user {number}", info("x"))
    assert len(these._buckets) <= 5


def test_a_call_past_its_rate_is_refused_and_a_wrong_one_not_counted(play: Any) -> None:
    async def scene(house: Any) -> None:
        call, given = house.driver.call, {"expression": "1+1"}
        for _ in range(3):
            with pytest.raises(InvalidArgument):
                await call("calculator", {})
        for _ in range(2):
            await call("calculator", given)
        with pytest.raises(TryAgain) as refused:
            await call("calculator", given)
        assert refused.value.details["retry_after"] == pytest.approx(30)
        with serving(Caller(pid=2, principal="bob", call=9)):
            await call("calculator", given)
        house.clock.now += 30
        await call("calculator", given)
        infos = {one.name: one.rate for one in await house.driver.ls()}
        assert (infos["calculator"], infos["clock"]) == (2, None)
        (found,) = await house.driver.search("evaluate an expression", 1)
        assert found.rate == 2

    play(scene, rates={"calculator": 2})


@pytest.mark.parametrize("wrong", [{"calculator": 0}, {"calculator": "fast"}, {"calculator": -1}])
def test_a_rate_that_is_none_stops_the_driver(play: Any, wrong: dict[str, Any]) -> None:
    async def scene(house: Any) -> None:
        raise AssertionError("it was set up")

    with pytest.raises(InvalidArgument, match=r"settings\.rates\.calculator"):
        play(scene, rates=wrong)
