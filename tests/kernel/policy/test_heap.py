"""The heap forgets what was taken out of its middle."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmagentos.kernel.policy.heap import Heap


@given(st.lists(st.tuples(st.sampled_from("push remove pop".split()), st.integers(0, 9))))
def test_lowest_rank_comes_first_whatever_was_removed_or_replaced(
    steps: list[tuple[str, int]],
) -> None:
    heap, model = Heap[str](), dict[int, tuple[int, int]]()
    for number, (what, key) in enumerate(steps):
        if what == "push":
            model[key] = (number * 7 % 5, number)
            heap.push(key, model[key][:1], str(key))
        elif what == "remove":
            assert heap.remove(key) == (str(key) if model.pop(key, None) else None)
        else:
            lowest = min(model, key=lambda one: model[one], default=None)
            assert heap.pop() == (None if lowest is None else str(lowest))
            model = {key: one for key, one in model.items() if key != lowest}
        assert len(heap) == len(model) and sorted(heap) == sorted(map(str, model))
        assert (heap.peek() is None) == (not model)


def test_replaced_entries_do_not_pile_up() -> None:
    heap = Heap[str]()
    heap.push("low", (0,), "low")
    for rank in range(10_000):
        heap.push("high", (10_000 - rank,), "high")
    assert len(heap._heap) < 50
