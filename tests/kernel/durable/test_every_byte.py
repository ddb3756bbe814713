"""A journal that ends within its last records, at any byte, is as good as one that ends before."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from .stage import Stage
from .test_killed import boundaries, intended, known, numbered, play

PROGRAM = numbered(["look", "sell", "look", ["sell", "look", "sell"], "look", "sell", "look"])
#: Records whose every byte is cut at.
LAST = 12


@pytest.mark.slow
def test_no_answer_is_lost_and_nothing_sold_twice_wherever_the_journal_ends(tmp_path: Path) -> None:
    whole = Stage(folder=tmp_path / "whole")
    whole.folder.mkdir()
    asyncio.run(whole.run(lambda client: play(client, PROGRAM)))
    ends = boundaries(whole.folder)
    cuts = range(ends[-LAST - 1], ends[-1] + 1)
    assert len(cuts) > 500
    for size in cuts:
        stage = Stage(folder=tmp_path / f"cut-{size}")
        shutil.copytree(whole.folder, stage.folder, dirs_exist_ok=True)
        stage.cut(size)
        out, told = intended(stage.folder), known(stage)
        asyncio.run(stage.run(lambda client: play(client, PROGRAM)))
        assert not stage.killer.reasons, size
        assert not set(out) & set(stage.shop.sold), size
        again = known(stage)
        assert {ask: again[ask] for ask in told} == told, size
        shutil.rmtree(tmp_path / f"cut-{size}")
