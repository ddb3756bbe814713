"""Pictures: sound SVG, nothing of a stranger's in it but text, and boxes that do not overlap."""

from __future__ import annotations

import random
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.drivers.knowledge.picture import Node, _arrows, _placed, draw
from llmagentos.syscalls.errors import NotFound
from llmagentos.syscalls.knowledge import Fact, Graph

from .conftest import Play

SVG = "{http://www.w3.org/2000/svg}"


def fact(number: int, subject: str, relation: str, object: Any, **more: Any) -> Fact:
    known = {"thing": isinstance(object, str), "since": None, "until": None, "told": 0.0}
    return Fact(
        id=number, subject=subject, relation=relation, object=object,
        **({"source": "a"} | known | more),
    )  # fmt: skip


def texts(picture: str) -> list[str]:
    return [one.text or "" for one in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def test_a_picture_shows_things_values_relations_and_times() -> None:
    facts = [
        fact(1, "Ann", "works_at", "Acme", since="2019"),
        fact(2, "Ann", "works_at", "Acme", since="2019", source="b"),
        fact(3, "Ann", "age", 41),
        fact(4, "Acme", "knows", "Acme", untrusted=True),
    ]
    shown = texts(draw(Graph(things=["Ann", "Acme"], facts=facts, truncated=True)))
    assert {"Ann", "Acme", "41", "age", "works_at (2019 – …) ×2", "knows"} <= set(shown)  # noqa: RUF001
    assert "dashed: comes from outside · there is more" in shown


@given(
    st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1)), max_size=5)
)
def test_any_names_make_sound_xml(triples: list[tuple[str, str, str]]) -> None:
    facts = [fact(n, *triple) for n, triple in enumerate(triples)]
    drawn = draw(Graph(things=[one.subject for one in facts] or ["Ann"], facts=facts))
    root = ElementTree.fromstring(drawn.encode(errors="replace"))
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= {
        "svg", "title", "style", "defs", "marker", "path", "rect", "g", "text",
    }  # fmt: skip


@pytest.mark.parametrize("count", [2, 20, 60])
def test_boxes_do_not_overlap(count: int) -> None:
    chance = random.Random(count)
    names = [f"Thing of the number {n}"[: chance.randint(5, 26)] + str(n) for n in range(count)]
    facts = [
        fact(n, chance.choice(names), "near", chance.choice([*names, n])) for n in range(count)
    ]
    arrows = _arrows(Graph(things=names[:1], facts=facts), names[0])
    nodes = list(
        {Node("centre", names[0]): 0} | {end: 0 for a in arrows for end in (a.start, a.end)}
    )
    boxes = list(_placed(nodes, arrows).values())
    for index, one in enumerate(boxes):
        assert all(min(one.overlap(other)) <= 0 for other in boxes[:index])


def test_the_driver_draws_what_is_around_a_thing(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        await knowledge.tell(
            [{"subject": "<script>alert(1)</script>", "relation": "is", "object": "harmless"}]
        )
        picture = await knowledge.picture("harmless")
        assert "<script" not in picture and "<script>alert(1)</script>" in texts(picture)
        with pytest.raises(NotFound, match="nothing is known of 'nobody'"):
            await knowledge.picture("nobody")

    play(scene)
