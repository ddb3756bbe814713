"""PDF: the text of each page, and what the images on it show.

Interface:
    read            a PDF document; encrypted ones where they open without a password
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ....syscalls.errors import InvalidArgument, TooBig
from ....syscalls.perception import Place
from ..bounds import IMAGES, PAGES
from ..findings import Findings, Full
from .image import look

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

_FACTS = ("author", "subject", "keywords", "creator", "producer")
#: Letters that are drawn as one, which nobody looks for as one.
_LIGATURES = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl",
     "\ufb05": "st", "\ufb06": "st"}
)  # fmt: skip
#: What a page inherits from the nodes above it, and how deep those may lie.
_INHERITED = ("/Resources", "/MediaBox", "/CropBox", "/Rotate")
_DEPTH = 100


def read(data: bytes, media: str, findings: Findings) -> None:
    """Find the text of each page. Raises `InvalidArgument` and `TooBig`."""
    from pypdf import PdfReader
    from pypdf.errors import LimitReachedError, PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise InvalidArgument("it is encrypted and needs a password")
        _about(reader, findings)
        _pages(reader, findings)
    except LimitReachedError as error:
        raise TooBig(f"more than is read: {error}") from None
    except PyPdfError as error:
        raise InvalidArgument(f"it is damaged: {error}") from None


def _about(reader: PdfReader, findings: Findings) -> None:
    try:
        told = reader.metadata
        if told is None:
            return
        findings.entitle(told.title)
        for name in _FACTS:
            if value := told.get(f"/{name.capitalize()}"):
                findings.state(name, value)
        for name, date in (("created", told.creation_date), ("modified", told.modification_date)):
            if date is not None:
                findings.state(name, date.isoformat())
    except Exception:  # what a document says of itself is no part of it
        return


def _pages(reader: PdfReader, findings: Findings) -> None:
    if (count := _count(reader)) is not None:
        findings.state("pages", count)
    images, number, failed = IMAGES, 0, 0
    for number, page in enumerate(_walk(reader), 1):
        if number > PAGES:
            findings.truncated = True
            findings.lack(f"pages after the first {PAGES}")
            return
        try:
            text = page.extract_text().translate(_LIGATURES)
        except Exception as error:  # pages stand for themselves: the others may be whole
            findings.lack(f"page {number}: {type(error).__name__}: {error}"[:200])
            failed += 1
            continue
        findings.text(text, Place(page=number))
        images -= _images(page, number, images, findings)
    if number and failed == number:
        raise InvalidArgument("none of its pages can be read")


def _images(page: PageObject, number: int, most: int, findings: Findings) -> int:
    """Add what the images on a page show; return how many have been looked at."""
    looked = 0
    try:
        for image in page.images:
            if looked == most:
                findings.lack(f"images after the first {IMAGES}")
                break
            looked += 1
            if image.image is not None:
                look(image.image, findings, Place(page=number))
    except (Full, MemoryError):
        raise
    except Exception as error:  # an image that is damaged leaves the page its text
        findings.lack(f"images on page {number}: {type(error).__name__}: {error}"[:200])
    return looked


def _count(reader: PdfReader) -> int | None:
    """Return how many pages it says that it has."""
    count: Any = _dictionary(reader.root_object.get("/Pages")).get("/Count")
    return int(count) if isinstance(count, int) and count >= 0 else None


def _walk(reader: PdfReader) -> Iterator[PageObject]:
    """Yield the pages one by one: a hundred thousand of them need not all be there for the first.

    Raises `InvalidArgument` for a tree of pages that is none.
    """
    from pypdf import PageObject
    from pypdf.generic import NameObject

    stack: list[tuple[Any, dict[str, Any], int]] = [(reader.root_object.get("/Pages"), {}, 0)]
    seen: set[int] = set()
    while stack:
        reference, inherited, depth = stack.pop()
        node = _dictionary(reference)
        if id(node) in seen or depth > _DEPTH:
            raise InvalidArgument("it is damaged: its tree of pages goes round in circles")
        inherited = inherited | {name: node[name] for name in _INHERITED if name in node}
        kids = _object(node.get("/Kids"))
        if not isinstance(kids, list):
            if not node and not depth:
                raise InvalidArgument("it is damaged: it has no pages")
            page = PageObject(reader, getattr(reference, "indirect_reference", None))
            page.update(node)
            for name, value in inherited.items():
                page.setdefault(NameObject(name), value)
            yield page
            continue
        seen.add(id(node))
        stack += [(kid, inherited, depth + 1) for kid in reversed(kids)]


def _object(value: Any) -> Any:
    return value.get_object() if hasattr(value, "get_object") else value


def _dictionary(value: Any) -> dict[str, Any]:
    found = _object(value)
    return found if isinstance(found, dict) else {}
