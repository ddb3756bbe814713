from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from llmagentos.services.planner.background import LONGEST, encode
from llmagentos.syscalls.errors import LLMAgentOSError, PermissionDenied
from llmagentos.syscalls.os import OS


class Known:
    """Memory and knowledge that have something, or refuse."""

    def __init__(self, failure: LLMAgentOSError | None = None) -> None:
        self.memory = self.knowledge = self
        self._failure = failure

    async def recall(self, query: str, limit: int) -> Any:
        if self._failure is not None:
            raise self._failure
        return [SimpleNamespace(text="the  harbour\nopened in 1953", source="ann")]

    async def search(self, query: str, limit: int) -> Any:
        return [SimpleNamespace(text="x" * 5000, cite=lambda: "oslo.pdf, page 3")]


def told(known: Known, background: bool = True) -> list[Any]:
    return list(asyncio.run(encode(cast(OS, known), "When?", None, background)))


def test_what_is_known_stands_behind_the_task_with_its_sources_and_bounds() -> None:
    system, user = told(Known())
    assert system["role"] == "system" and user["content"].startswith("When?\n")
    assert "the harbour opened in 1953 (ann)" in user["content"]
    assert user["content"].endswith(f"{'x' * LONGEST}… (oslo.pdf, page 3)")


def test_what_may_not_be_asked_is_left_out() -> None:
    [_, user] = told(Known(PermissionDenied("no")))
    assert "1953" not in user["content"] and "oslo.pdf" in user["content"]


def test_task_alone_is_told_without_background() -> None:
    assert told(Known(), background=False)[1]["content"] == "When?"
