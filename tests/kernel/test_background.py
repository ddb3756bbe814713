"""Work in the background goes on from entry to end, and a defect in it is nobody's secret."""

from __future__ import annotations

import asyncio

import pytest

from llmagentos.kernel.background import Background


class Clerk(Background):
    """Says that it works, and that it has stopped; or is defective."""

    def __init__(self, defect: Exception | None = None) -> None:
        self.defect = defect
        self.works, self.stopped = asyncio.Event(), False

    async def _work(self) -> None:
        self.works.set()
        if self.defect is not None:
            raise self.defect
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped = True


def test_work_goes_on_until_the_context_ends() -> None:
    async def scene() -> None:
        async with Clerk() as clerk:
            await clerk.works.wait()
            assert not clerk.stopped
        assert clerk.stopped

    asyncio.run(scene())


def test_defect_ends_whoever_entered_and_comes_out() -> None:
    async def scene() -> None:
        async with Clerk(ValueError("the clerk errs")):
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as found:
        asyncio.run(scene())
    assert [str(one) for one in found.value.exceptions] == ["the clerk errs"]


def test_error_of_whoever_entered_passes_by_as_it_is() -> None:
    async def scene() -> None:
        async with Clerk() as clerk:
            await clerk.works.wait()
            raise KeyError("house")

    with pytest.raises(KeyError, match="house"):
        asyncio.run(scene())
