from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llmagentos.services.learning.job import Job
from llmagentos.services.learning.pretrain.recipe import read
from llmagentos.syscalls.errors import InvalidArgument

LEAST: dict[str, Any] = {"objective": {"kind": "causal"}, "corpus": {"files": ["a.txt"]}}


def test_little_needs_to_be_said(make_job: Callable[..., Job]) -> None:
    recipe = read(make_job({"runtime": "learn", "name": "x", "budget": {}, **LEAST}))
    assert recipe.training.steps == 200 and recipe.model.length == 128


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objective": {"kind": "clairvoyant"}}, "tiny.toml objective"),
        ({"objective": {"kind": "masked", "mask": 2}}, r"tiny.toml objective.masked.mask: .*less "),
        ({"objective": None}, "tiny.toml objective"),
        ({"corpus": {}}, "tiny.toml corpus.files: Field required"),
        ({"corpus": {"files": []}}, "tiny.toml corpus.files: .*at least 1 item"),
        ({"corpus": {"files": ["../x"]}}, r"corpus.files: '../x' leads out of the folder"),
        ({"corpus": {"files": ["/etc/passwd"]}}, "'/etc/passwd' leads out of the folder"),
        ({"training": {"rate": "fast"}}, "tiny.toml training.rate: .*valid number.*, not 'fast'"),
        ({"training": {"rate": float("nan")}}, "tiny.toml training.rate: .*finite"),
        ({"training": {"stepz": 1}}, "tiny.toml knows no training.stepz"),
        ({"modle": {}}, "tiny.toml knows no modle"),
        ({"model": {"hidden": 10, "heads": 4}}, "hidden 10 is no multiple of heads 4"),
        ({"model": {"architecture": "bert"}}, "causal is learnt by llama or gpt2 or reference"),
        ({"model": {"parent": "x", "layers": 3}}, "a parent has its own layers"),
        (
            {"objective": {"kind": "masked+next"}, "corpus": {"files": ["a"], "pack": False}},
            "corpus.pack: masked.next has pairs",
        ),
        ({"model": {"parent": "x"}, "tokenizer": {}}, "a parent has its own tokenizer"),
    ],
)
def test_what_is_wrong_is_told_by_its_key(
    make_job: Callable[..., Job], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        read(make_job({**LEAST, **changes}))
