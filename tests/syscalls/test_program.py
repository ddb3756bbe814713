"""A program's main gets what it takes, and a rehearsal leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import pytest

from llmagentos.syscalls import program


def nothing() -> list[Any]:
    return []


def one(os: Any) -> list[Any]:
    return [os]


def both(os: Any, task: Any) -> list[Any]:
    return [os, task]


@wraps(one)
def dressed(*args: Any) -> list[Any]:
    return one(*args)


class Agent:
    def main(self, os: Any) -> list[Any]:
        return [os]


@pytest.mark.parametrize(
    ("main", "given"),
    [
        (nothing, []),
        (one, ["os"]),
        (both, ["os", "task"]),
        (dressed, ["os"]),
        (Agent().main, ["os"]),
        (partial(both), ["os", "task"]),
    ],
    ids=["none", "one", "both", "decorated", "method", "partial"],
)
def test_main_is_given_as_much_as_it_takes(main: Callable[..., Any], given: list[Any]) -> None:
    assert program._call(main, "os", "task") == given


def test_rehearsal_leaves_no_descriptor_and_no_loop() -> None:
    program.rehearse()
    before = set(os.listdir("/proc/self/fd"))
    program.rehearse()
    assert set(os.listdir("/proc/self/fd")) == before
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
