"""A picture of a neighbourhood: things and values as boxes, facts as arrows between them, as SVG.

The layout is networkx's force-directed one (Fruchterman and Reingold 1991), after which boxes that
overlap are pushed apart, and each arrow's label goes where it hides the least.

Interface:
    draw            a graph to SVG
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from ...syscalls.knowledge import Fact, Graph, plain
from .graphml import sound
from .terms import kind_of

#: Pixels: of a letter, a line, around a box's text, and around all.
LETTER, LINE, PADDING, MARGIN = 7.0, 26.0, 10.0, 40.0
#: Letters of a name and of a relation that are shown; the rest is in the title.
SHOWN, RELATION = 28, 30
#: Kind of node to its fill, edge and what the legend says.
COLOURS = {
    "centre": ("#1d4ed8", "#1e3a8a", "looked for"),
    "thing": ("#dbeafe", "#60a5fa", "thing"),
    "text": ("#fef3c7", "#f59e0b", "text"),
    "number": ("#dcfce7", "#22c55e", "number"),
    "truth": ("#f3e8ff", "#a855f7", "true or false"),
}
_STYLE = (
    "text{font:13px ui-sans-serif,system-ui,Helvetica,Arial,sans-serif;fill:#0f172a}"
    ".r{font-size:11px;fill:#334155;stroke:#fff;stroke-width:4px;paint-order:stroke;"
    "stroke-linejoin:round}.l{font-size:11px;fill:#475569}"
    ".e{fill:none;stroke:#94a3b8;stroke-width:1.4}.u{stroke-dasharray:5 4}"
)


@dataclass(slots=True)
class Box:
    """A rectangle about its middle."""

    x: float
    y: float
    width: float
    height: float

    def overlap(self, other: Box, gap: float = 0.0) -> tuple[float, float]:
        """Return by how much two boxes overlap across and down; below 0 where they do not."""
        return (
            (self.width + other.width) / 2 + gap - abs(self.x - other.x),
            (self.height + other.height) / 2 + gap - abs(self.y - other.y),
        )

    def border(self, x: float, y: float, gap: float = 2.0) -> tuple[float, float]:
        """Return where the way from the middle to a point leaves the box."""
        dx, dy = x - self.x, y - self.y
        across = (self.width / 2 + gap) / abs(dx) if dx else math.inf
        down = (self.height / 2 + gap) / abs(dy) if dy else math.inf
        share = min(across, down, 1.0)
        return self.x + dx * share, self.y + dy * share


@dataclass(frozen=True, slots=True)
class Node:
    """What a box stands for. A value has a box for each thing that it is said of."""

    kind: str
    name: str
    owner: str = ""


@dataclass(slots=True)
class Arrow:
    """Facts that say the same."""

    start: Node
    end: Node
    label: str
    facts: list[Fact]


def draw(graph: Graph) -> str:
    """Return a picture of a graph; the first of its things is the one that was looked for."""
    centre = graph.things[0] if graph.things else ""
    arrows = _arrows(graph, centre)
    nodes = list(
        dict.fromkeys(
            [Node("centre", centre), *(end for arrow in arrows for end in (arrow.start, arrow.end))]
        )
    )
    boxes = _placed(nodes, arrows)
    return "\n".join(_svg(nodes, arrows, boxes, graph.truncated)) + "\n"


def _arrows(graph: Graph, centre: str) -> list[Arrow]:
    def thing(name: str) -> Node:
        return Node("centre" if name == centre else "thing", name)

    found: dict[tuple[Node, Node, str], Arrow] = {}
    for fact in graph.facts:
        start, kind = thing(fact.subject), kind_of(fact.object, fact.thing)
        name = plain(fact.object)
        end = thing(name) if fact.thing else Node(kind, name, fact.subject)
        label = _short(fact.relation, RELATION)
        if fact.since or fact.until:
            label += f" ({fact.since or '…'} – {fact.until or '…'})"  # noqa: RUF001
        arrow = found.setdefault((start, end, label), Arrow(start, end, label, []))
        arrow.facts.append(fact)
    return list(found.values())


def _placed(nodes: list[Node], arrows: list[Arrow]) -> dict[Node, Box]:
    """Return each node's box; no two overlap."""
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from(range(len(nodes)))
    number = {node: index for index, node in enumerate(nodes)}
    graph.add_edges_from((number[arrow.start], number[arrow.end]) for arrow in arrows)
    places = networkx.spring_layout(
        graph, k=2.2 / math.sqrt(len(nodes)), iterations=300, seed=7, center=(0, 0)
    )
    spread = 100 * math.sqrt(len(nodes)) + 40
    boxes = {}
    for node in nodes:
        x, y = places[number[node]]
        letter = LETTER * (1.12 if node.kind == "centre" else 1)
        width = len(_short(node.name, SHOWN)) * letter + 2 * PADDING
        boxes[node] = Box(float(x) * spread * 1.35, float(y) * spread * 0.95, width, LINE)
    _pushed_apart(list(boxes.values()))
    return boxes


def _pushed_apart(boxes: list[Box], gap: float = 26.0) -> None:
    """Move boxes that overlap away from each other, the shorter way."""
    for _ in range(400):
        moved = False
        for index, one in enumerate(boxes):
            for other in boxes[index + 1 :]:
                across, down = one.overlap(other, gap)
                if across <= 0 or down <= 0:
                    continue
                moved = True
                if across < down:
                    shift = math.copysign(across / 2 + 0.5, one.x - other.x)
                    one.x, other.x = one.x + shift, other.x - shift
                else:
                    shift = math.copysign(down / 2 + 0.5, one.y - other.y)
                    one.y, other.y = one.y + shift, other.y - shift
        if not moved:
            return


def _svg(
    nodes: list[Node], arrows: list[Arrow], boxes: dict[Node, Box], truncated: bool
) -> Iterator[str]:
    """Yield the picture's lines: arrows below, then boxes, then the arrows' labels."""
    drawn = list(_drawn(arrows, boxes))
    around = [*boxes.values(), *(box for _, box, _ in drawn)]
    left = min(box.x - box.width / 2 for box in around) - MARGIN
    top = min(box.y - box.height / 2 for box in around) - MARGIN
    width = max(*(box.x + box.width / 2 for box in around), left + 560) + MARGIN - left
    height = max(box.y + box.height / 2 for box in around) + 2 * MARGIN - top
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.0f} {top:.0f} {width:.0f}'
        f' {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img">'
    )
    yield f"<title>{_safe(nodes[0].name)}</title><style>{_STYLE}</style>"
    yield (
        '<defs><marker id="h" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7"'
        ' markerHeight="7" orient="auto-start-reverse"><path d="M0 1 10 5 0 9z" fill="#64748b"/>'
        "</marker></defs>"
    )
    yield (
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}"'
        ' fill="#fff"/>'
    )
    for line, _, _ in drawn:
        yield line
    for node in nodes:
        yield _box(node, boxes[node])
    for _, box, arrow in drawn:
        yield (
            f'<text class="r" x="{box.x:.1f}" y="{box.y + 4:.1f}" text-anchor="middle">'
            f"{_safe(_label(arrow))}</text>"
        )
    kinds = {node.kind for node in nodes}
    yield from _legend(left + MARGIN, top + height - MARGIN * 0.7, kinds, arrows, truncated)
    yield "</svg>"


def _drawn(arrows: list[Arrow], boxes: dict[Node, Box]) -> Iterator[tuple[str, Box, Arrow]]:
    """Yield each arrow's line, its label's box, and itself; those of one pair are bent apart."""
    pairs: dict[frozenset[Node], list[Arrow]] = {}
    for arrow in arrows:
        pairs.setdefault(frozenset((arrow.start, arrow.end)), []).append(arrow)
    taken = list(boxes.values())
    for together in pairs.values():
        for index, arrow in enumerate(together):
            bend = (index - (len(together) - 1) / 2) * 46
            start, end = boxes[arrow.start], boxes[arrow.end]
            if arrow.start == arrow.end:
                curve = _loop(start, index)
            else:
                # Bent to the same side whichever way an arrow goes.
                first = (start.x, start.y) < (end.x, end.y)
                curve = _curve(start, end, bend if first else -bend)
            label = _labelled(curve, len(_label(arrow)) * 6.0, taken)
            taken.append(label)
            yield _line(arrow, curve), label, arrow


Point = tuple[float, float]
Curve = tuple[Point, Point, Point]


def _curve(start: Box, end: Box, bend: float) -> Curve:
    """Return a quadratic curve from box to box: its ends, and what pulls it aside."""
    dx, dy = end.x - start.x, end.y - start.y
    length = math.hypot(dx, dy) or 1.0
    pull = (start.x + end.x) / 2 - dy / length * bend, (start.y + end.y) / 2 + dx / length * bend
    return start.border(*pull), pull, end.border(*pull, gap=4.0)


def _loop(box: Box, index: int) -> Curve:
    side, reach = box.x + box.width / 2, 70 + 30 * index
    return (side, box.y - 6), (side + reach, box.y), (side + 2, box.y + 6)


def _at(curve: Curve, share: float) -> Point:
    (x0, y0), (x1, y1), (x2, y2) = curve
    a, b, c = (1 - share) ** 2, 2 * share * (1 - share), share**2
    return a * x0 + b * x1 + c * x2, a * y0 + b * y1 + c * y2


def _labelled(curve: Curve, width: float, taken: list[Box]) -> Box:
    """Return the place along a curve where a label hides the least, nearest to the middle."""

    def hidden(box: Box) -> float:
        overlaps = (box.overlap(other, 3.0) for other in taken)
        return sum(across * down for across, down in overlaps if across > 0 and down > 0)

    places = [
        Box(*_at(curve, share), width, 14.0)
        for share in (0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68, 0.26, 0.74)
    ]
    return min(places, key=hidden)


def _line(arrow: Arrow, curve: Curve) -> str:
    (x0, y0), (x1, y1), (x2, y2) = curve
    said = "e" if not all(fact.untrusted for fact in arrow.facts) else "e u"
    by = "; ".join(dict.fromkeys(fact.source for fact in arrow.facts))
    whole = f"{arrow.start.name} {arrow.facts[0].relation} {arrow.end.name}, says {by}"
    return (
        f'<path class="{said}" d="M{x0:.1f} {y0:.1f}Q{x1:.1f} {y1:.1f} {x2:.1f} {y2:.1f}"'
        f' marker-end="url(#h)"><title>{_safe(whole)}</title></path>'
    )


def _label(arrow: Arrow) -> str:
    sources = len({fact.source for fact in arrow.facts})
    return arrow.label + (f" ×{sources}" if sources > 1 else "")  # noqa: RUF001


def _box(node: Node, box: Box) -> str:
    fill, edge, _ = COLOURS[node.kind]
    round_off = 13 if node.kind in ("centre", "thing") else 4
    ink = ' style="fill:#fff;font-weight:600"' if node.kind == "centre" else ""
    return (
        f'<g><title>{_safe(node.name)}</title><rect x="{box.x - box.width / 2:.1f}"'
        f' y="{box.y - box.height / 2:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
        f' rx="{round_off}" fill="{fill}" stroke="{edge}"/><text x="{box.x:.1f}"'
        f' y="{box.y + 4.5:.1f}" text-anchor="middle"{ink}>'
        f"{_safe(_short(node.name, SHOWN))}</text></g>"
    )


def _legend(
    x: float, y: float, kinds: set[str], arrows: list[Arrow], truncated: bool
) -> Iterator[str]:
    for kind, (fill, edge, says) in COLOURS.items():
        if kind in kinds:
            yield (
                f'<rect x="{x:.0f}" y="{y - 9:.0f}" width="14" height="10" rx="3" fill="{fill}"'
                f' stroke="{edge}"/><text class="l" x="{x + 19:.0f}" y="{y:.0f}">{says}</text>'
            )
            x += 36 + 6.2 * len(says)
    notes = []
    if any(fact.untrusted for arrow in arrows for fact in arrow.facts):
        notes.append("dashed: comes from outside")
    if truncated:
        notes.append("there is more")
    if notes:
        yield f'<text class="l" x="{x + 6:.0f}" y="{y:.0f}">{" · ".join(notes)}</text>'


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _safe(text: str) -> str:
    return escape(sound(text))
