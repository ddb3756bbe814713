"""What layers keep."""

from __future__ import annotations

import torch

from llmagentos.drivers.inference.local.memory import Memory


def memory(contexts: int = 3) -> Memory:
    made = Memory(pages=3, page_size=2)
    made.inputs[0] = torch.zeros(contexts, 2, 4)
    made.inputs[5] = torch.zeros(contexts, 1, 4)
    return made


def test_what_convolutions_keep_is_saved_and_loaded_by_context() -> None:
    made = memory()
    for one in made.inputs.values():
        one[1] = torch.rand(one[1].shape)
    kept = [one[1].clone() for one in made.inputs.values()]
    state = made.save(1)
    assert state is not None and state.shape == (12,)
    made.load(1, None)
    assert not any(one.any() for one in made.inputs.values())
    made.load(2, state)
    for one, old in zip(made.inputs.values(), kept, strict=True):
        assert torch.equal(one[2], old) and not one[1].any()


def test_marks_have_the_form_of_what_is_saved() -> None:
    made = memory()
    marks = torch.rand(2, 12)
    made.marks = {5: marks[:, 8:].view(2, 1, 4), 0: marks[:, :8].view(2, 2, 4)}
    taken = made.take_marks()
    assert torch.equal(torch.stack(taken), marks)
    assert made.take_marks() == []
    made.load(0, taken[1])
    assert torch.equal(made.inputs[5][0, 0], marks[1, 8:])


def test_a_model_without_convolutions_keeps_nothing_of_the_kind() -> None:
    made = Memory(pages=2, page_size=2)
    made.load(0, None)
    assert made.save(0) is None and made.take_marks() == []


def test_a_page_is_copied_in_all_layers() -> None:
    made = memory()
    like = torch.zeros(1, 2, 1, 3)
    keys, values = made.pages(7, like, like)
    keys[2:4], values[2:4] = 1.0, 2.0
    made.copy([1], [0])
    assert keys[:2].eq(1).all() and values[:2].eq(2).all() and not keys[4:].any()
