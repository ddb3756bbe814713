"""The size of the pool, and memory that is taken when it is used."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from llmagentos.drivers.inference.local import pool
from llmagentos.drivers.inference.local.memory import Memory
from llmagentos.syscalls.errors import InvalidArgument

GIB = 1 << 30


def test_the_pool_is_what_was_asked_for_or_what_fits() -> None:
    assert pool.size(None, 1024, 8 * GIB) == pool.USUAL
    assert pool.size(100_000, 1024, 8 * GIB) == 100_000
    assert pool.size(None, 1 << 20, 8 * GIB) == 4096


def test_a_machine_that_is_too_small_is_told_by_how_much() -> None:
    with pytest.raises(InvalidArgument, match=r"512 tokens take 512 MiB; .* has 50 MiB"):
        pool.size(None, 1 << 20, 100 << 20)
    with pytest.raises(InvalidArgument, match="20000 tokens take 20000 MiB"):
        pool.size(20_000, 1 << 20, 8 * GIB)
    with pytest.raises(InvalidArgument, match="at least 512"):
        pool.size(3, 1, GIB)


def test_the_machine_says_what_is_free() -> None:
    assert 0 < pool.available() < 1 << 50


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_pages_take_no_memory_before_they_are_written() -> None:
    memory = Memory(pages=4096, page_size=16)
    some = torch.ones(1, 8, 2, 128)
    before = resident()
    keys, values = memory.pages(0, some, some)
    assert keys.shape == values.shape == (65_536, 8, 128)
    assert resident() - before < 64 << 20
    assert memory.bytes_per_token == 2 * 8 * 128 * 4


def test_coarser_types_and_unequal_heads_have_pages_of_their_own() -> None:
    memory = Memory(pages=2, page_size=4)
    keys, values = memory.pages(
        3, torch.ones(1, 2, 1, 6, dtype=torch.bfloat16), torch.ones(1, 3, 1, 5)
    )
    assert (keys.dtype, keys.shape, values.shape) == (torch.bfloat16, (8, 2, 6), (8, 3, 5))
    assert not keys.any() and not values.any()


def test_wiping_clears_these_pages_alone() -> None:
    memory = Memory(pages=3, page_size=2)
    keys, values = memory.pages(0, torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 1))
    keys.fill_(float("nan"))
    values.fill_(1.0)
    memory.wipe([0, 2])
    assert keys.flatten().isnan().tolist() == [False, False, True, True, False, False]
    assert values.flatten().tolist() == [0, 0, 1, 1, 0, 0]
    memory.wipe([])


def test_host_memory_holds_as_much_as_the_device_where_there_is_room() -> None:
    assert pool.places(None, 1000, 10, 100_000) == 1000
    assert pool.places(None, 1000, 10, 20_000) == 500
    assert pool.places(0, 1000, 10, 100_000) == 0
    assert pool.places(2000, 1000, 10, 100_000) == 2000
    for asked in (-1, 2501):
        with pytest.raises(InvalidArgument, match="from 0 to 2500"):
            pool.places(asked, 1000, 10, 100_000)


def test_a_process_may_hold_half_of_all_and_one_long_context() -> None:
    assert pool.quota(None, 100, 10) == 50
    assert pool.quota(None, 100, 70) == 70
    assert pool.quota(None, 100, 200) == 100
    assert pool.quota(7, 100, 200) == 7
    with pytest.raises(InvalidArgument, match="at least 1"):
        pool.quota(0, 100, 10)
