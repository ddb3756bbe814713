"""The other faculties as tools: their exact words, with their caller's rights."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from llmagentos.syscalls.errors import DeviceError, InvalidArgument, NotFound, TooBig
from llmagentos.syscalls.knowledge import Answer, Fact, Passage
from llmagentos.syscalls.memory import Recollection
from llmagentos.syscalls.perception import Observation, Perceived, Place
from llmagentos.syscalls.server import caller


def passage(document: str, text: str, page: int | None = None) -> Passage:
    return Passage(text=text, document=document, place=Place(page=page), score=1.0)


def fact(source: str) -> Fact:
    return Fact(
        id=1, subject="Ada", relation="works_at", object="Norvik", thing=True, source=source,
        since=None, until=None, told=0.0,
    )  # fmt: skip


class Says(SimpleNamespace):
    """Answers each call with what it was made with, or raises it; notes what it was asked."""

    def __init__(self, **answers: Any) -> None:
        super().__init__(asked=[])
        for name, answer in answers.items():
            setattr(self, name, self._answering(answer))

    def _answering(self, answer: Any) -> Any:
        async def call(*arguments: Any, **named: Any) -> Any:
            self.asked.append((*arguments, named))
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def test_knowledge_is_told_a_passage_a_line_with_its_place(play: Any) -> None:
    async def scene(house: Any) -> None:
        found = [
            passage("report.pdf", "The total\n was  48.", 3),
            passage("notes.txt", "w" * 1000),
            passage("report.pdf", "Again.", 3),
            passage("more.txt", "Not told."),
        ]
        house.system.knowledge = Says(search=found)
        result = await house.driver.call("knowledge_search", {"query": "the total"})
        assert result.text.split("\n") == [
            "report.pdf, page 3: The total was 48.",
            f"notes.txt: {'w' * 240}",
            "report.pdf, page 3: Again.",
        ]
        assert result.sources == ["report.pdf, page 3", "notes.txt"]
        assert house.system.knowledge.asked == [("the total", {"limit": 3})]
        assert caller().tainted and house.system.behalf == [1]
        house.system.knowledge = Says(search=[])
        assert (await house.driver.call("knowledge_search", {"query": "x"})).text == "nothing found"

    play(scene)


def test_facts_are_told_an_answer_a_line(play: Any) -> None:
    async def scene(house: Any) -> None:
        answers = [
            Answer(values={"who": "Ada", "firm": "Norvik"}, facts=[fact("a.txt"), fact("b.txt")]),
            Answer(values={"?who": "Bo\nB", "open": True, "n": 3}, facts=[fact("a.txt")]),
            Answer(values={}, facts=[]),
        ]
        house.system.knowledge = Says(ask=answers)
        result = await house.driver.call("knowledge_ask", {"pattern": "?who works_at ?firm"})
        assert result.text == "who = Ada, firm = Norvik\nwho = Bo B, open = true, n = 3\nyes"
        assert result.sources == ["a.txt", "b.txt"] and result.data[0]["who"] == "Ada"
        house.system.knowledge = Says(ask=[])
        assert (await house.driver.call("knowledge_ask", {"pattern": "x"})).text == "nothing found"

    play(scene)


def test_memory_is_recalled_and_added_to(play: Any) -> None:
    async def scene(house: Any) -> None:
        piece = Recollection(
            id=1, tier="semantic", text="Ada likes\ntea.", written=0.0, recalled=None,
            importance=0.5, strength=0.5, source="process 7",
        )  # fmt: skip
        house.system.memory = Says(recall=[piece], write=piece)
        result = await house.driver.call("memory_recall", {"query": "tea"})
        assert (result.text, result.sources) == ("Ada likes tea.", ["process 7"])
        assert (await house.driver.call("memory_remember", {"text": "x"})).text == "stored"
        assert house.system.memory.asked == [("tea", {"limit": 5}), ("x", {})]
        assert not caller().tainted
        house.system.memory = Says(recall=[])
        assert (await house.driver.call("memory_recall", {"query": "x"})).text == "nothing found"

    play(scene)


def test_what_is_perceived_is_told_with_what_is_missing(play: Any) -> None:
    async def scene(house: Any) -> None:
        pieces = [Observation(kind="text", text="One."), Observation(kind="table", text="|a|")]
        house.system.perception = Says(
            perceive=Perceived(
                source="a.pdf", media="application/pdf", digest="", size=1, title="T",
                observations=pieces, missing=["text in images: install tesseract"], truncated=True,
            )
        )  # fmt: skip
        result = await house.driver.call("perceive", {"source": "a.pdf"})
        assert result.text == (
            "T\n\nOne.\n\n|a|\n\n(not seen: text in images: install tesseract)"
            "\n\n(there is more than this)"
        )
        assert result.sources == ["a.pdf"] and caller().sources == ["perceive: a.pdf"]

    play(scene)


@pytest.mark.parametrize("error", [NotFound("no a.pdf"), InvalidArgument("bad"), TooBig("big")])
def test_a_model_reads_what_it_has_asked_wrongly(play: Any, error: Exception) -> None:
    async def scene(house: Any) -> None:
        house.system.perception = Says(perceive=error)
        result = await house.driver.call("perceive", {"source": "a.pdf"})
        assert result.failed and result.text == f"error: {error.args[0]}"
        house.system.perception = Says(perceive=DeviceError("gone"))
        with pytest.raises(DeviceError, match="gone"):
            await house.driver.call("perceive", {"source": "a.pdf"})

    play(scene)


def test_a_model_finds_tools_and_their_names(play: Any) -> None:
    async def scene(house: Any) -> None:
        result = await house.driver.call("find_tools", {"query": "evaluate an expression"})
        first = "calculator(expression): Evaluate an arithmetic expression: + - * / // % ** and"
        assert result.text.startswith(first) and result.data[0] == "calculator"
        assert "find_tools" not in result.data
        assert (await house.driver.call("find_tools", {"query": "qqq"})).text == "nothing found"

    play(scene)
