"""The table says of a class all that validation, proxies and schemas need."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest

from llmagentos.syscalls.errors import AlreadyExists, InvalidArgument, NoSyscall
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.table import SyscallTable, read


class Shop(Interface, name="shop"):
    @syscall(effect=True, subject="item")
    async def buy(self, item: str, count: int = 1, speed: Literal["slow", "fast"] = "slow") -> str:
        """Buy an item."""
        raise NotImplementedError

    @syscall(stream=True)
    def shelves(self) -> AsyncIterator[list[str]]:
        """Walk along the shelves."""
        raise NotImplementedError


def test_entry_carries_name_docstring_traits_and_parameter_order() -> None:
    buy = SyscallTable(Shop)["shop.buy"]
    assert buy.parameters == ("item", "count", "speed")
    assert buy.doc == "Buy an item."
    assert buy.traits.effect and buy.traits.subject == "item"


def test_right_arguments_pass_and_defaults_stay_with_the_implementation() -> None:
    assert SyscallTable(Shop)["shop.buy"].check({"item": "tea"}) == {"item": "tea"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({}, "item"),
        ({"item": 3}, "item"),
        ({"item": "tea", "count": "many"}, "count"),
        ({"item": "tea", "speed": "warp"}, "speed"),
        ({"item": "tea", "colour": "red"}, "colour"),
        ([1, 2], "dictionary"),
    ],
)
def test_wrong_argument_is_refused_by_name(arguments: Any, named: str) -> None:
    with pytest.raises(InvalidArgument, match=named):
        SyscallTable(Shop)["shop.buy"].check(arguments)


def test_positional_and_named_arguments_bind_as_in_python() -> None:
    buy = SyscallTable(Shop)["shop.buy"]
    assert buy.bind(("tea", 2), {"speed": "fast"}) == {"item": "tea", "count": 2, "speed": "fast"}
    with pytest.raises(InvalidArgument, match="3 arguments"):
        buy.bind((1, 2, 3, 4), {})
    with pytest.raises(InvalidArgument, match="item is given twice"):
        buy.bind(("tea",), {"item": "tea"})


def test_description_holds_both_schemas_and_the_defaults() -> None:
    table = SyscallTable(Shop)
    buy = table["shop.buy"].describe()
    assert buy.arguments["required"] == ["item"]
    assert buy.arguments["properties"]["count"]["default"] == 1
    assert buy.result == {"type": "string"}
    assert table["shop.shelves"].describe().result["items"] == {"type": "string"}


def test_unknown_syscall_is_named() -> None:
    with pytest.raises(NoSyscall, match=r"shop\.sell"):
        SyscallTable(Shop)["shop.sell"]


def test_interface_that_stands_is_refused_and_the_table_stays_as_it_was() -> None:
    table = SyscallTable(Shop)
    with pytest.raises(AlreadyExists, match=r"shop\.buy"):
        table.add(Shop)
    assert list(table) == ["shop.buy", "shop.shelves"]


def test_method_without_types_cannot_be_a_syscall() -> None:
    class Untyped(Interface, name="untyped"):
        @syscall()
        async def act(self, what) -> None:  # type: ignore[no-untyped-def]
            raise NotImplementedError

    class Endless(Interface, name="endless"):
        @syscall(stream=True)
        async def act(self) -> list[int]:
            raise NotImplementedError

    class Nameless(Interface):
        pass

    with pytest.raises(InvalidArgument, match="what"):
        read(Untyped)
    with pytest.raises(InvalidArgument, match="AsyncIterator"):
        read(Endless)
    with pytest.raises(InvalidArgument, match="Nameless"):
        read(Nameless)
