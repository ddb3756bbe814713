"""The in-process world beside the real tools."""

from __future__ import annotations

import random
from functools import partial

import pytest

from llmagentos.drivers.tools import arithmetic
from llmagentos.drivers.tools.contract import Failure
from llmagentos.services.learning.embedded.sampler import Sampler
from llmagentos.services.learning.embedded.tasks import demonstrate
from llmagentos.services.learning.embedded.vocabulary import Vocabulary
from llmagentos.services.learning.embedded.world import LocalWorld, evaluate, schemas


def real(expression: str) -> str:
    try:
        return arithmetic.evaluate(expression)
    except Failure as failure:
        return f"error: {failure}"


def test_its_calculator_says_what_the_real_one_says() -> None:
    seen = 0
    for seed in range(600):
        rng = random.Random(seed)
        task = Sampler(rng, Vocabulary(rng)).task(refuse=0.0)
        for call, result in demonstrate(task).steps:
            if call.tool == "calculator" and not result.startswith("error"):
                assert real(call.arguments["expression"]) == result
                seen += 1
    assert seen > 100


@pytest.mark.parametrize(("expression", "value"), [("7 / 2", "3.5"), ("1 / 3", "0.3333333333")])
def test_numbers_are_printed_shortly(expression: str, value: str) -> None:
    assert evaluate(expression) == value == real(expression)


def test_tools_answer_like_the_real_ones() -> None:
    world = LocalWorld()
    assert world.invoke("memory_get", {"key": "a"}) == "not found"
    assert world.invoke("memory_put", {"key": "a", "value": 1}) == "stored"
    assert world.invoke("memory_get", {"key": "a"}) == "1"
    assert world.invoke("memory_list", {}) == "a"
    assert world.invoke("memory_delete", {"key": "a"}) == "deleted"
    assert world.invoke("memory_list", {}) == "empty"
    assert world.invoke("file_read", {"path": "x"}) == "not found"
    assert world.invoke("file_write", {"path": "x", "text": "t"}) == "written"
    assert world.invoke("file_list", {}) == "x"
    assert world.invoke("clock", {}) == world.now


def test_unknown_tool_and_wrong_arguments_are_errors() -> None:
    world = LocalWorld()
    assert world.invoke("fly", {}) == "error: no tool fly"
    assert world.invoke("memory_get", {"name": "a"}) == "error: memory_get takes key"
    assert evaluate("1 / 0") == "error: division by zero"
    assert evaluate("__import__('os')") == "error: not an arithmetic expression"


def test_offered_tools_have_schemas_in_the_given_order() -> None:
    names = [one["function"]["name"] for one in schemas(["clock", "memory_put", "unheard_of"])]
    assert names == ["clock", "memory_put", "unheard_of"]


def test_documents_answer_a_pattern_and_give_the_passages_with_a_word() -> None:
    world = LocalWorld(
        facts={("Blue Harbour", "lead"): "Ada"}, passages=("a.txt: Tea at four.", "b.txt: Coffee.")
    )
    ask = partial(world.invoke, "knowledge_ask")
    assert ask({"pattern": "'Blue Harbour' lead ?x"}) == "x = Ada"
    assert ask({"pattern": "Harbour lead ?x"}) == "nothing found"
    assert ask({"pattern": "'Blue"}).startswith("error: ")
    assert world.invoke("knowledge_search", {"query": "tea"}) == "a.txt: Tea at four."
    assert world.invoke("knowledge_search", {"query": "milk"}) == "nothing found"
