"""The memory on which a zygote's children build.

Between the objects that a zygote has loaded are holes, and a child that puts its own objects there
copies a page for each of them. Filled before the fork, they leave it whole pages.

Interface:
    fill            what fills the holes, for as long as it is held
"""

from __future__ import annotations

#: Python keeps objects of up to LARGEST bytes in pools, each for one size and behind a header.
_POOL, _HEADER, _STEP, _LARGEST = 16 * 1024, 48, 16, 512


def fill() -> list[bytes]:
    """Fill what is free for each size, until a whole pool has been filled in one row."""
    held: list[bytes] = []
    for size in range(_STEP * 3, _LARGEST + 1, _STEP):
        row = last = 0
        while row < (_POOL - _HEADER) // size - 1:
            held.append(bytes(size - bytes.__basicsize__))
            row = row + 1 if id(held[-1]) - last == size else 0
            last = id(held[-1])
    return held
