from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from llmagentos.services.shell.session import insist, resolve
from llmagentos.syscalls.errors import InvalidArgument, NotFound, TryAgain
from llmagentos.syscalls.os import OS


def found(who: str, *processes: tuple[int, str, str]) -> int:
    """Resolve a name among processes of a pid, a name and a state."""

    async def ls(all: bool) -> list[Any]:
        return [SimpleNamespace(pid=pid, name=name, state=state) for pid, name, state in processes]

    return asyncio.run(resolve(cast(OS, SimpleNamespace(process=SimpleNamespace(ls=ls))), who))


def test_number_is_a_pid() -> None:
    assert found("7") == 7


def test_name_means_its_only_living_process_or_the_last_that_ended() -> None:
    assert found("a", (1, "a", "zombie"), (2, "a", "running"), (3, "b", "running")) == 2
    assert found("a", (1, "a", "zombie"), (2, "a", "zombie")) == 2


def test_name_of_several_living_processes_is_refused_naming_them() -> None:
    with pytest.raises(InvalidArgument, match="1, 2"):
        found("a", (1, "a", "running"), (2, "a", "suspended"))


@pytest.mark.parametrize("who", ["nobody", "", "²", "-1", "9" * 30])
def test_what_names_nothing_is_not_found(who: str) -> None:
    with pytest.raises(NotFound):
        found(who, (1, "a", "running"))


def test_who_is_told_that_it_is_too_early_asks_again_for_a_while() -> None:
    asked = []

    async def ask() -> str:
        asked.append("now?")
        if len(asked) < 3:
            raise TryAgain("not yet", retry_after=0.0)
        return "now"

    assert asyncio.run(insist(ask)) == "now" and len(asked) == 3
    asked.clear()
    with pytest.raises(TryAgain, match="not yet"):
        asyncio.run(insist(ask, seconds=-1.0))
