"""Word documents: paragraphs and tables under their headings.

Interface:
    read            a DOCX document
    unpackable      raises `TooBig` for an archive that unpacks to more than is taken
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

from ....syscalls.errors import InvalidArgument, TooBig
from ....syscalls.perception import Place
from ..bounds import ENTRIES, IMAGES, RATIO, UNPACKED
from ..findings import Findings, Full
from .image import look, opened
from .markdown import Sections

_HEADING = re.compile(r"(?:heading|überschrift|titre|título)\s*(\d)", re.I)
_FACTS = ("author", "subject", "keywords", "category", "comments", "language", "created",
          "modified", "last_modified_by")  # fmt: skip


def read(data: bytes, media: str, findings: Findings) -> None:
    """Find the paragraphs and tables. Raises `InvalidArgument` for a damaged one, `TooBig`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpackable(archive, len(data))
            _declares_nothing(archive)
        from docx import Document

        document = Document(io.BytesIO(data))
        _about(document, findings)
        _content(document, findings)
    except (Full, MemoryError, RecursionError, InvalidArgument, TooBig):
        raise
    except Exception as error:  # its libraries raise whatever a damaged file makes them
        raise InvalidArgument(f"it is damaged: {error}") from None
    _images(document, findings)


def unpackable(archive: zipfile.ZipFile, size: int) -> None:
    """Raise `TooBig` for an archive of `size` bytes that unpacks to more than is taken.

    Of a part no more is read than its size as stated here, whatever its bytes are.
    """
    parts = archive.infolist()
    whole = sum(part.file_size for part in parts)
    if len(parts) > ENTRIES:
        raise TooBig(f"an archive of {len(parts)} files; at most {ENTRIES} are taken")
    if whole > UNPACKED or whole > RATIO * size:
        raise TooBig(f"an archive that unpacks from {size} to {whole} bytes")


def _declares_nothing(archive: zipfile.ZipFile) -> None:
    """Raise `InvalidArgument` where a part declares entities: they are how XML grows."""
    for part in archive.infolist():
        if part.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in archive.read(part):
            raise InvalidArgument(f"{part.filename} declares a document type, as no document does")


def _about(document: Any, findings: Findings) -> None:
    told = document.core_properties
    findings.entitle(told.title)
    for name in _FACTS:
        try:
            if value := getattr(told, name):
                findings.state(name, value)
        except ValueError:  # a date that is none
            continue


def _content(document: Any, findings: Findings) -> None:
    from docx.table import Table

    # Asked for paragraph by paragraph, a style is looked for among all of them each time.
    styles = {style.style_id: style.name or "" for style in document.styles}
    sections = Sections()
    for part in document.iter_inner_content():
        if isinstance(part, Table):
            _table(part, findings, Place(section=sections.name))
            continue
        text, style = part.text.strip(), styles.get(part._p.style, "")
        if not text:
            continue
        heading = _HEADING.match(style)
        if heading is not None or style in ("Title", "Titel"):
            sections.enter(int(heading[1]) if heading is not None else 0, text)
            findings.entitle(text if heading is None or heading[1] == "1" else None)
        else:
            item = style.startswith("List")
            findings.text(f"- {text}" if item else text, Place(section=sections.name))


def _table(table: Any, findings: Findings, place: Place) -> None:
    # `row.cells` looks for merged cells, in a time that grows with the square of their number.
    rows = [
        ["\n".join(p.text for p in cell.p_lst).strip() for cell in row.tc_lst]
        for row in table._tbl.tr_lst
    ]
    rows = [row for row in rows if any(row)]
    if rows:
        findings.table(rows, place)


def _images(document: Any, findings: Findings) -> None:
    """Add what the document's images show."""
    parts = [
        one
        for one in document.part.package.iter_parts()
        # Beside those of its content is a picture of its first page.
        if one.content_type.startswith("image/") and "/media/" in str(one.partname)
    ]
    for part in parts[:IMAGES]:
        try:
            look(opened(part.blob), findings, Place())
        except (InvalidArgument, TooBig) as error:
            findings.lack(f"the image {part.partname}: {error.message}")
    if len(parts) > IMAGES:
        findings.lack(f"images after the first {IMAGES}")
