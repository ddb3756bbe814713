"""Facts as GraphML, written by networkx: names and values are nodes, facts are edges.

Interface:
    lines           facts to the lines of a text
    sound           a text as XML may hold it
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...syscalls.knowledge import Fact, plain
from .terms import kind_of

#: What XML 1.0 cannot hold.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def lines(facts: Iterable[Fact]) -> Iterator[str]:
    """Yield a graph's lines."""
    import networkx

    graph = networkx.MultiDiGraph()
    nodes: dict[tuple[str, str], str] = {}

    def node(kind: str, name: str) -> str:
        if (kind, name) not in nodes:
            nodes[kind, name] = number = f"n{len(nodes)}"
            graph.add_node(number, label=sound(name), kind=kind)
        return nodes[kind, name]

    for fact in facts:
        about = {"label": fact.relation, "source": fact.source, "since": fact.since,
                 "until": fact.until}  # fmt: skip
        graph.add_edge(
            node("thing", fact.subject),
            node(kind_of(fact.object, fact.thing), plain(fact.object)),
            key=fact.id,
            **{name: sound(text) for name, text in about.items() if text is not None},
        )
    yield from networkx.generate_graphml(graph)


def sound(text: str) -> str:
    """Return a text with a mark in place of what XML cannot hold."""
    return _NO_XML.sub("\ufffd", text)
