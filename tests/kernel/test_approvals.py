"""A call that a person is to approve waits in the kernel, and holds nothing but its place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from llmagentos.kernel.approvals import OF_PROCESS, Ticket
from llmagentos.kernel.budget import Limits
from llmagentos.kernel.process import State
from llmagentos.kernel.trap import Trap
from llmagentos.syscalls.client import Client
from llmagentos.syscalls.errors import InvalidArgument, NotFound, PermissionDenied, TryAgain

from .conftest import settle
from .house import House, play


class Desk:
    """A house whose events are heard, and a person at it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.trap: Trap = house.trap
        self.asked: asyncio.Queue[int] = asyncio.Queue()
        self.withdrawn: asyncio.Queue[int] = asyncio.Queue()
        self.events: list[str] = []
        house.trap.approvals.emit = self._hear

    def _hear(self, kind: str, text: str, pid: int, **details: Any) -> None:
        self.events.append(f"{kind}: {text}")
        if kind == "approval.asked":
            self.asked.put_nowait(details["id"])
        elif kind == "approval.withdrawn":
            self.withdrawn.put_nowait(details["id"])

    async def next(self) -> Ticket:
        return self.trap.approvals.find("ada", await self.asked.get())

    async def asking(
        self, agent: Client, name: str, /, **arguments: Any
    ) -> tuple[asyncio.Task[Any], Ticket]:
        task = asyncio.ensure_future(agent.call(name, arguments))
        return task, await self.next()


def scene(
    work: Callable[[Desk], Awaitable[None]], clock: Callable[[], float] | None = None
) -> None:
    async def whole(house: House) -> None:
        await house.device(1)
        await work(Desk(house))
        await settle()
        assert house.trap.approvals.tickets("ada") == []

    play(whole, clock)


@pytest.mark.parametrize("allow", [True, False])
def test_call_goes_on_once_it_is_allowed_and_else_ends_with_the_reason(allow: bool) -> None:
    async def work(desk: Desk) -> None:
        me, agent = await desk.house.process("store.get?")
        task, ticket = await desk.asking(agent, "store.get", shelf="a")
        assert desk.trap.waiting_for(me) == ["store.get"] and not task.done()
        desk.trap.decide(ticket, allow=allow, reason="because")
        if allow:
            assert (await task)[0] == me.pid
        else:
            with pytest.raises(PermissionDenied, match=r"store\.get:a was denied: because"):
                await task
        assert desk.events == [
            "approval.asked: test asks for store.get:a: every such call is asked about",
            f"approval.answered: test was {'allowed' if allow else 'denied'} store.get:a: because",
        ]
        with pytest.raises(NotFound):
            desk.trap.approvals.find("ada", ticket.id)

    scene(work)


def test_waiting_call_takes_no_slot_and_no_budget_and_pays_once_it_goes_on() -> None:
    async def work(desk: Desk) -> None:
        limits = Limits.parse({"tokens": 10_000})
        me, agent = await desk.house.process("store.work?", limits=limits)
        task, ticket = await desk.asking(agent, "store.work")
        queue = desk.trap.devices.of("shelf").queue
        assert (queue.counts()["running"], queue.waiting) == (0, 0)
        assert me.budget.remaining("tokens") == 10_000
        desk.trap.decide(ticket, allow=True)
        await desk.house.store.begun.get()
        assert queue.counts()["running"] == 1
        assert me.budget.remaining("tokens") < 10_000
        desk.house.store.costs.put_nowait(None)
        await task

    scene(work)


def test_call_that_nobody_answers_is_denied_at_its_deadline() -> None:
    now = [0.0]

    async def work(desk: Desk) -> None:
        _, agent = await desk.house.process("store.get?")
        task, ticket = await desk.asking(agent, "store.get", shelf="a")
        now[0] += 31.0
        with pytest.raises(PermissionDenied, match=rf"nobody has answered approval {ticket.id}"):
            await task
        assert desk.events[-1].startswith("approval.withdrawn")

    scene(work, lambda: now[0])


def test_deadline_stands_still_while_the_process_is_suspended() -> None:
    now = [0.0]

    async def work(desk: Desk) -> None:
        me, agent = await desk.house.process("store.get?")
        me.state = State.SUSPENDED
        task, ticket = await desk.asking(agent, "store.get", shelf="a")
        now[0] += 1000.0
        desk.trap.expire()
        me.state = State.RUNNING
        desk.trap.steering.resume(me)
        now[0] += 29.0
        desk.trap.expire()
        desk.trap.decide(ticket, allow=True)
        assert await task

    scene(work, lambda: now[0])


@pytest.mark.parametrize("how", ["cancel", "hang up"])
def test_call_of_whoever_waits_no_longer_is_taken_away(how: str) -> None:
    async def work(desk: Desk) -> None:
        _, agent = await desk.house.process("store.get?")
        task, _ = await desk.asking(agent, "store.get", shelf="a")
        task.cancel() if how == "cancel" else agent.close()
        await asyncio.wait([task])
        await desk.withdrawn.get()
        assert desk.events[-1] == "approval.withdrawn: test asks no longer for store.get:a"

    scene(work)


def test_nested_call_asks_in_the_name_of_whoever_it_is_made_for_and_goes_with_it() -> None:
    async def work(desk: Desk) -> None:
        me, agent = await desk.house.process("store.nested", "store.get?")
        task, ticket = await desk.asking(agent, "store.nested", name="store.get")
        assert ticket.call.process is me and ticket.call.origin is not me
        desk.trap.decide(ticket, allow=True)
        assert (await task)[0] == me.pid
        task, ticket = await desk.asking(agent, "store.nested", name="store.get")
        agent.close()
        await desk.withdrawn.get()
        task.cancel()

    scene(work)


def test_tainted_process_is_refused_by_name_of_what_it_has_read() -> None:
    async def work(desk: Desk) -> None:
        _, agent = await desk.house.process("store.get{untainted}", "store.browse")
        assert await agent.call("store.get", {"shelf": "a"})
        await agent.call("store.browse", {"shelf": "web"})
        with pytest.raises(PermissionDenied, match=r"has read store\.browse:web"):
            await agent.call("store.get", {"shelf": "a"})

    scene(work)


def test_tainted_process_asks_where_an_untainted_one_need_not() -> None:
    async def work(desk: Desk) -> None:
        _, agent = await desk.house.process("store.get{untainted}?", "store.browse")
        assert await agent.call("store.get", {"shelf": "a"})
        await agent.call("store.browse", {"shelf": "web"})
        task, ticket = await desk.asking(agent, "store.get", shelf="a")
        assert "has read store.browse:web" in desk.events[-1]
        desk.trap.decide(ticket, allow=True)
        assert await task

    scene(work)


def test_only_calls_with_an_effect_are_asked_about_where_the_grant_says_so() -> None:
    async def work(desk: Desk) -> None:
        provider = desk.trap.registry.provider("store.buy")
        assert provider is not None
        desk.trap.registry.say(provider, "store.buy", {"window": False, "till": True})
        _, agent = await desk.house.process("store.buy{effectless}?")
        await agent.call("store.buy", {"shelf": "window"})
        for shelf in ("till", "unknown"):
            task, ticket = await desk.asking(agent, "store.buy", shelf=shelf)
            assert desk.events[-1].endswith("it has an effect")
            desk.trap.decide(ticket, allow=True)
            await task

    scene(work)


def test_nobody_else_says_what_has_an_effect() -> None:
    async def work(desk: Desk) -> None:
        stranger, _ = await desk.house.process("*")
        with pytest.raises(PermissionDenied):
            desk.trap.registry.say(stranger, "store.buy", {"till": False})

    scene(work)


def test_answer_for_good_holds_for_the_same_process_and_subject_until_it_is_tainted() -> None:
    async def work(desk: Desk) -> None:
        async def asks(agent: Client, shelf: str, allow: bool = True) -> None:
            task, ticket = await desk.asking(agent, "store.get", shelf=shelf)
            desk.trap.decide(ticket, allow=allow, for_good=True)
            await asyncio.wait([task])
            assert (task.exception() is None) is allow

        held = ("store.get?", "store.browse")
        _, agent = await desk.house.process(*held)
        _, other = await desk.house.process(*held)
        await asks(agent, "a")
        await asks(agent, "b", allow=False)
        await asks(other, "a")
        assert await agent.call("store.get", {"shelf": "a"})
        with pytest.raises(PermissionDenied, match="denied for as long as"):
            await agent.call("store.get", {"shelf": "b"})
        await agent.call("store.browse", {"shelf": "web"})
        await asks(agent, "a")

    scene(work)


def test_answer_for_good_to_a_long_call_is_none_to_a_long_call_about_something_else() -> None:
    async def work(desk: Desk) -> None:
        _, agent = await desk.house.process("store.*?")
        for shelf in "ab":
            # The driver takes no padding, but what the driver takes is not what a person is asked.
            task, ticket = await desk.asking(agent, "store.get", shelf=shelf, padding="x" * 2**20)
            assert ticket.call.subject() == shelf
            desk.trap.decide(ticket, allow=True, for_good=True)
            with pytest.raises(InvalidArgument):
                await task

    scene(work)


def test_process_that_asks_for_too_much_at_once_is_told_to_wait() -> None:
    async def work(desk: Desk) -> None:
        _, agent = await desk.house.process("store.get?")
        asking = [await desk.asking(agent, "store.get", shelf="a") for _ in range(OF_PROCESS)]
        with pytest.raises(TryAgain):
            await agent.call("store.get", {"shelf": "a"})
        for task, ticket in asking:
            desk.trap.decide(ticket, allow=True)
            await task

    scene(work)


def test_intent_is_noted_only_once_the_call_was_allowed() -> None:
    async def work(desk: Desk) -> None:
        noted: list[str] = []
        desk.trap._recorder.intend = lambda call: noted.append(call.label())  # type: ignore[method-assign]
        _, agent = await desk.house.process("store.buy?")
        task, ticket = await desk.asking(agent, "store.buy", shelf="till")
        assert noted == []
        desk.trap.decide(ticket, allow=True)
        await task
        assert noted == ["store.buy:till"]

    scene(work)


def test_event_carries_nothing_that_steers_a_terminal() -> None:
    async def work(desk: Desk) -> None:
        _, agent = await desk.house.process("store.get?")
        task, ticket = await desk.asking(agent, "store.get", shelf="a\x1b[2K\n" + "x" * 1000)
        assert desk.events[-1].isprintable() and len(desk.events[-1]) < 500
        desk.trap.decide(ticket, allow=False)
        await asyncio.wait([task])

    scene(work)


def test_people_see_what_waits_for_their_own_principal_alone() -> None:
    async def work(desk: Desk) -> None:
        _, agent = await desk.house.process("store.get?")
        task, ticket = await desk.asking(agent, "store.get", shelf="a")
        assert desk.trap.approvals.tickets("ada") == [ticket]
        assert desk.trap.approvals.tickets("bob") == []
        with pytest.raises(NotFound):
            desk.trap.approvals.find("bob", ticket.id)
        task.cancel()
        await desk.withdrawn.get()

    scene(work)
