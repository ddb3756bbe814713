"""The loss of preferences is the paper's."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from llmagentos.services.learning.finetune.prefer import Pairs, logprobs, preference

from . import tiny

nats = st.floats(-20, 0)


@given(nats, nats, nats, nats, st.floats(0.01, 2))
def test_the_loss_is_formula_7(a: float, b: float, c: float, d: float, beta: float) -> None:
    one = (torch.tensor([value], dtype=torch.float64) for value in (a, b, c, d))
    loss, margin = preference(*one, beta)
    wanted = -math.log(1 / (1 + math.exp(-beta * ((a - c) - (b - d)))))
    assert abs(float(loss) - wanted) < 1e-9
    assert abs(float(margin) - beta * ((a - c) - (b - d))) < 1e-9


def test_gradients_are_those_of_the_formula() -> None:
    chosen, rejected = (torch.randn(4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    before = torch.zeros(4, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda x, y: preference(x, y, before, before, 0.3)[0], (chosen, rejected)
    )


@pytest.fixture
def model(tmp_path: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny.causal(tmp_path), local_files_only=True)


def test_an_answers_log_probability_is_that_of_its_learnt_tokens_alone(model: Any) -> None:
    ids = [5, 6, 7, 8]
    example = {
        "chosen": {"input_ids": ids, "labels": [-100, -100, 7, 8]},
        "rejected": {"input_ids": [*ids, 9], "labels": [-100, 6, -100, -100, 9]},
        "before": [0.0, 0.0],
    }
    with torch.no_grad():
        chosen, rejected = logprobs(model.eval(), Pairs(0)([example])).tolist()
        rows = model(torch.tensor([[*ids, 9]])).logits[0].log_softmax(-1)
    assert abs(chosen - float(rows[1, 7] + rows[2, 8])) < 1e-4
    assert abs(rejected - float(rows[0, 6] + rows[3, 9])) < 1e-4
