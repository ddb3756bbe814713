"""Pages: their main content, without what stands around it and what nobody sees.

Where a page marks no main part, blocks that are little but links are taken for menus.

Interface:
    read            HTML in any encoding
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ....syscalls.errors import TooBig
from ....syscalls.perception import Place
from ..bounds import NESTED
from ..findings import Findings
from .markdown import Sections
from .text import decoded

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

#: Elements that are no content, roles that say the same, and what stands around a page's content.
_SKIPPED = frozenset(
    "script style noscript template svg iframe object form button select textarea dialog nav "
    "footer aside head".split()
)
_ROLES = frozenset("navigation banner contentinfo complementary search dialog alertdialog".split())
_BLOCKS = frozenset(
    "p div section article main header ul ol dl li dt dd blockquote figure figcaption pre address "
    "details summary h1 h2 h3 h4 h5 h6 table tr td th body hr br center fieldset".split()
)
#: Elements that need not be closed, and so say nothing of how deep what follows lies.
_UNCLOSED = frozenset(
    "area base br col embed hr img input link meta source track wbr p li dt dd tr td th thead "
    "tbody tfoot option optgroup colgroup rt rp html head body".split()
)
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_FACTS = {
    "description": "description", "author": "author", "date": "date", "keywords": "keywords",
    "article:published_time": "published", "article:modified_time": "modified",
    "og:site_name": "site", "og:description": "description",
}  # fmt: skip
#: The share of a block that links may be where no main part is marked, and the characters from
#: which on it is content all the same.
_LINKS, _PROSE = 0.7, 200
#: Parts that a page may mark as its main one.
_PARTS = 50


def read(data: bytes, media: str, findings: Findings) -> None:
    """Find the texts and tables of a page."""
    from selectolax.lexbor import LexborHTMLParser

    text = decoded(data)
    _nested(text)
    page = LexborHTMLParser(text)
    _about(page, findings)
    marked = page.css("main, [role=main], article")[:_PARTS]
    sizes = {len(one.text()): one for one in marked}
    root = sizes[max(sizes)] if sizes and max(sizes) else page.body
    if root is not None:
        _Walk(findings, strict=root.tag == "body").walk(root)


def _nested(text: str) -> None:
    """Raise `TooBig` for elements nested so deep that their parser takes ever longer for each."""
    depth = 0
    for tag in _TAG.finditer(text):
        closes, name = tag.groups()
        if name.lower() in _UNCLOSED:
            continue
        depth = max(depth - 1, 0) if closes else depth + 1
        if depth > NESTED:
            raise TooBig(f"a page of more than {NESTED} elements within each other")


def _about(page: LexborHTMLParser, findings: Findings) -> None:
    if (title := page.css_first("title")) is not None:
        findings.entitle(title.text())
    if (root := page.root) is not None and (language := root.attributes.get("lang")):
        findings.state("language", language)
    for meta in page.css("meta[content]"):
        said = meta.attributes
        name = (said.get("name") or said.get("property") or "").lower()
        if name in _FACTS:
            findings.state(_FACTS[name], said.get("content") or "")
        elif name == "og:title":
            findings.entitle(said.get("content"))


class _Walk:
    """One pass over a part of a page, in its order; no step calls itself, however deep it lies."""

    def __init__(self, findings: Findings, strict: bool) -> None:
        self._findings = findings
        self._strict = strict
        self._sections = Sections()
        #: Of the block that is being read: its words, how many of its characters are links', and
        #: whether it is an item of a list; then the items before it.
        self._words: list[str] = []
        self._linked = 0
        self._item = False
        self._items: list[str] = []
        #: In how many elements it stands that are links, and that keep their spaces.
        self._links = self._kept = 0

    def walk(self, root: LexborNode) -> None:
        """Add what is found below an element."""
        node, depth = root.child, 0
        while node is not None:
            if node.is_text_node:
                self._take(node.text_content or "")
            elif node.is_element_node and self._enter(node):
                if node.child is not None:
                    node, depth = node.child, depth + 1
                    continue
                self._leave(node)
            while (following := node.next) is None and depth and node.parent is not None:
                node, depth = node.parent, depth - 1
                self._leave(node)
            node = following
        self._flush()
        self._end_list()

    def _enter(self, node: LexborNode) -> bool:
        """Take an element's beginning; returns whether its inside is read as well."""
        tag = node.tag
        if tag in _SKIPPED or (self._strict and tag == "header") or _hidden(node):
            return False
        if tag in _BLOCKS:
            self._flush()
        if tag == "img":
            self._image(node)
        elif tag == "table" and (rows := _rows(node)):
            self._end_list()
            self._findings.table(rows, self._place)
            return False
        self._item = self._item or tag == "li"
        self._links += tag == "a"
        self._kept += tag == "pre"
        return True

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag
        if tag in _HEADINGS:
            self._head(_HEADINGS[tag])
        elif tag in _BLOCKS:
            self._flush()
            self._item = self._item and tag != "li"
        self._links -= tag == "a"
        self._kept -= tag == "pre"

    @property
    def _place(self) -> Place:
        return Place(section=self._sections.name)

    def _take(self, text: str) -> None:
        self._words.append(text)
        self._linked += len(text.strip()) if self._links else 0

    def _head(self, level: int) -> None:
        if title := " ".join("".join(self._words).split()):
            self._end_list()
            self._sections.enter(level, title)
            self._findings.entitle(title if level == 1 else None)
        self._words, self._linked = [], 0

    def _flush(self) -> None:
        """Add the block that has been read."""
        text = "".join(self._words)
        text = text.strip("\n") if self._kept else " ".join(text.split())
        linked, self._words, self._linked = self._linked, [], 0
        if not text.strip():
            return
        if self._strict and len(text) < _PROSE and linked > _LINKS * len(text):
            return
        if self._item:
            self._items.append(f"- {text}")
            self._item = False
        else:
            self._end_list()
            self._findings.text(text, self._place)

    def _end_list(self) -> None:
        items, self._items = self._items, []
        self._findings.text("\n".join(items), self._place)

    def _image(self, node: LexborNode) -> None:
        told = node.attributes
        if text := (told.get("alt") or "").strip():
            data = {"source": (told.get("src") or "")[:300]}
            self._findings.add("image", text, self._place, data=data)


def _hidden(node: LexborNode) -> bool:
    told = node.attributes
    style = (told.get("style") or "").replace(" ", "").lower()
    return (
        "hidden" in told
        or told.get("aria-hidden") == "true"
        or (told.get("role") or "") in _ROLES
        or "display:none" in style
        or "visibility:hidden" in style
    )


def _rows(table: LexborNode) -> list[list[str]]:
    """Return a table's cells; none where it only lays a page out."""
    if table.css_first("table table") is not None or table.css_first("p + p") is not None:
        return []
    rows = []
    for line in table.css("tr"):
        cells = [" ".join(one.text().split()) for one in line.css("th, td")]
        if any(cells):
            rows.append(cells)
    return rows if len(rows) > 1 and max(map(len, rows)) > 1 else []
