"""Word documents."""

from __future__ import annotations

import io
import zipfile

import docx
import pytest

from . import documents
from .conftest import See


def test_paragraphs_and_tables_stand_under_their_headings(see: See) -> None:
    found = see(documents.docx())
    assert found.title == "Minutes" and found.about["author"] == "Ada"
    assert list(zip(found.texts, found.places, strict=True)) == [
        ("We spend less.", "section Budget"),
        ("- paper", "section Budget"),
        ("| item | price |\n| --- | --- |\n| paper | 40 |", "section Budget > Costs"),
    ]
    assert found.observations[2].rows == [["item", "price"], ["paper", "40"]]


def test_archive_that_unpacks_to_too_much_is_refused_unread(see: See) -> None:
    bomb = documents.zip_bomb()
    assert len(bomb) < 2**20
    found = see(bomb)
    assert found.error is not None and found.error[0] == "E2BIG"


def test_archive_of_too_many_files_is_refused(see: See) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for number in range(10_001):
            archive.writestr(f"{number}.xml", b"")
        archive.writestr("word/document.xml", b"")
    found = see(data.getvalue())
    assert found.error is not None and found.error[0] == "E2BIG"


def test_entities_of_entities_are_refused(see: See) -> None:
    found = see(documents.laughs())
    assert found.error is not None and found.error[0] == "EINVAL"


def test_tables_within_tables_without_end_are_refused(see: See) -> None:
    def change(xml: str) -> str:
        return xml.replace("We spend less.", "</w:t></w:r></w:p>" + "<w:tbl><w:tr><w:tc>" * 2000)

    found = see(documents.rewritten(documents.docx(), change))
    assert found.error is not None and found.error[0] == "EINVAL"


@pytest.mark.usefixtures("tesseract")
def test_picture_within_one_is_read(see: See) -> None:
    document = docx.Document()
    document.add_picture(io.BytesIO(documents.letters("EXIT 7")))
    data = io.BytesIO()
    document.save(data)
    found = see(data.getvalue())
    assert found.texts == ["EXIT 7"] and found.observations[0].kind == "image"


@pytest.mark.parametrize("length", [4, 100, 5000, 30_000])
def test_one_that_is_cut_off_is_refused(see: See, length: int) -> None:
    found = see(documents.docx()[:length])
    assert found.error is not None and found.error[0] == "EINVAL"


def test_archive_of_something_else_is_refused(see: See) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    found = see(data.getvalue())
    assert found.error is not None and found.error[0] == "EINVAL"
