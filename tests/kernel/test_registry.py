"""Each syscall has one provider at a time and stays known while that is away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmagentos.kernel.process import ControlBlock, Kind, ProcessTable
from llmagentos.kernel.registry import Registry
from llmagentos.syscalls.codec import pack, unpack
from llmagentos.syscalls.errors import AlreadyExists, Internal, InvalidArgument, NoSyscall
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.table import describe


class Shelf(Interface, name="shelf"):
    @syscall(idempotent=True)
    async def get(self, key: str) -> str:
        """Take something down."""
        raise NotImplementedError

    @syscall(effect=True)
    async def put(self, key: str, value: int = 0) -> None:
        raise NotImplementedError


def process(kind: Kind = Kind.DRIVER) -> ControlBlock:
    return ProcessTable().create(principal="ada", program="test", kind=kind)


def test_provider_answers_what_it_has_described() -> None:
    registry, driver = Registry(), process()
    registry.provide(driver, describe(Shelf))
    assert registry.provider("shelf.get") is driver
    assert registry["shelf.get"].doc == "Take something down."
    assert [one.name for one in registry.descriptions()] == ["shelf.get", "shelf.put"]
    assert not registry.handles("shelf.get")


def test_syscall_that_nobody_has_named_is_unknown() -> None:
    registry = Registry()
    with pytest.raises(NoSyscall, match=r"'shelf\.get'"):
        registry["shelf.get"]
    assert registry.provider("shelf.get") is None and not registry.expected("shelf.get")


def test_expected_syscall_is_known_before_its_driver_has_come() -> None:
    registry = Registry()
    registry.expect(Shelf)
    assert registry.expected("shelf.put") and registry.provider("shelf.put") is None
    assert registry["shelf.put"].traits.effect


@pytest.mark.parametrize(
    ("kind", "again"),
    [(Kind.DRIVER, True), (Kind.SERVICE, True), (Kind.AGENT, False), (Kind.SESSION, False)],
)
def test_only_what_is_supervised_is_expected_back(kind: Kind, again: bool) -> None:
    registry, provider = Registry(), process(kind)
    registry.provide(provider, describe(Shelf))
    registry.withdraw(provider)
    assert registry.provider("shelf.get") is None
    assert registry.expected("shelf.get") is again
    assert registry["shelf.get"].name == "shelf.get"


def test_second_provider_is_refused_until_the_first_is_gone() -> None:
    registry, first, second = Registry(), process(), process()
    registry.provide(first, describe(Shelf))
    with pytest.raises(AlreadyExists, match=r"shelf\.get"):
        registry.provide(second, describe(Shelf))
    registry.provide(first, describe(Shelf))  # Its own are no obstacle.
    registry.withdraw(second)
    assert registry.provider("shelf.get") is first
    registry.withdraw(first)
    registry.provide(second, describe(Shelf))
    assert registry.provider("shelf.get") is second


@pytest.mark.parametrize("name", ["shelf", "Shelf.get", "shelf.get.all", "shelf.", ".get", "a b.c"])
def test_bad_name_is_refused_and_nothing_has_changed(name: str) -> None:
    registry, driver = Registry(), process()
    get, put = describe(Shelf)
    with pytest.raises(InvalidArgument):
        registry.provide(driver, [get, replace(put, name=name)])
    assert registry.descriptions() == [] and registry.provider("shelf.get") is None


def test_one_name_that_is_taken_refuses_all_of_them() -> None:
    registry, first, second = Registry(), process(), process()
    get, put = describe(Shelf)
    registry.provide(first, [put])
    with pytest.raises(AlreadyExists):
        registry.provide(second, [get, put])
    assert registry.provider("shelf.get") is None


def test_kernels_own_syscall_is_answered_with_checked_arguments_and_taken_by_nobody() -> None:
    registry, caller = Registry(), process(Kind.AGENT)
    registry.answer(
        Shelf,
        {"get": lambda who, key: f"{who.pid} {key}", "put": lambda who, key, value=0: value},
    )
    assert registry.handles("shelf.get")
    answer = registry.handle("shelf.get", caller, pack({"key": "a"}))
    assert unpack(answer) == f"{caller.pid} a"
    for arguments in ({"key": 7}, {"key": "a", "more": 1}, {}, [1], None):
        with pytest.raises(InvalidArgument):
            registry.handle("shelf.get", caller, pack(arguments))
    with pytest.raises(AlreadyExists):
        registry.provide(process(), describe(Shelf))


def test_handlers_that_are_not_the_interfaces_methods_are_a_defect() -> None:
    with pytest.raises(Internal, match="shelf"):
        Registry().answer(Shelf, {"take": lambda who, key: key})
