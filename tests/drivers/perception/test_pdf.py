"""PDF documents."""

from __future__ import annotations

import io
import zlib

import pypdf
import pytest

from llmagentos.drivers.perception.bounds import PAGES

from . import documents
from .conftest import See


def test_each_page_has_its_text(see: See) -> None:
    found = see(documents.pdf(["Spending fell.", "Income rose."]))
    assert found.media == "application/pdf" and found.title == "Report"
    assert found.about == {"author": "Ada", "pages": 2}
    assert list(zip(found.texts, found.places, strict=True)) == [
        ("Spending fell.", "page 1"),
        ("Income rose.", "page 2"),
    ]


def test_pages_inherit_from_the_nodes_above_them(see: See) -> None:
    drawn = b"BT /F 12 Tf 20 200 Td (Inherited) Tj ET"
    found = see(
        documents.assembled(
            [
                b"<</Type/Catalog/Pages 2 0 R>>",
                b"<</Type/Pages/Count 1/Kids[5 0 R]/MediaBox[0 0 300 300]"
                b"/Resources<</Font<</F 3 0 R>>>>>>",
                b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
                b"<</Title(x)>>",
                b"<</Type/Pages/Parent 2 0 R/Count 1/Kids[6 0 R]>>",
                b"<</Type/Page/Parent 5 0 R/Contents 7 0 R>>",
                b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn),
            ]
        )
    )
    assert found.texts == ["Inherited"]


def test_hundred_thousand_pages_are_bounded(see: See) -> None:
    """All of them the same object, and then each its own."""
    shared = documents.pdf(["same"], kids=b"5 0 R " * 100_000)
    found = see(shared)
    assert found.truncated and len(found.observations) == PAGES
    assert f"pages after the first {PAGES}" in found.missing


@pytest.mark.slow
def test_hundred_thousand_pages_of_their_own_are_bounded(see: See) -> None:
    page = b"<</Type/Page/Parent 2 0 R/Contents 3 0 R>>"
    numbers = b" ".join(b"%d 0 R" % at for at in range(5, 100_005))
    head = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 100000/Kids[%s]>>" % numbers,
        b"<</Length 0>>stream\n\nendstream",
        b"<<>>",
    ]
    found = see(documents.assembled([*head, *([page] * 100_000)]))
    assert found.truncated and found.about["pages"] == 100_000


@pytest.mark.parametrize("kids", [b"2 0 R", b"2 0 R 5 0 R", b"99 0 R", b"null", b"(x)"])
def test_tree_of_pages_that_is_none_is_refused_or_empty(see: See, kids: bytes) -> None:
    found = see(documents.pdf(["x"], kids=kids))
    assert found.observations == [] or found.error is not None


def test_stream_that_unpacks_without_end_is_bounded(see: See) -> None:
    packed = zlib.compress(zlib.compress(b"BT (x) Tj ET\n" * 8_000_000, 9), 9)
    stream = b"<</Filter[/FlateDecode/FlateDecode]/Length %d>>stream\n%s\nendstream"
    found = see(
        documents.assembled(
            [
                b"<</Type/Catalog/Pages 2 0 R>>",
                b"<</Type/Pages/Count 1/Kids[5 0 R]>>",
                stream % (len(packed), packed),
                b"<<>>",
                b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 3 0 R>>",
            ]
        )
    )
    assert found.observations == [] and (found.error or found.missing)


def test_encrypted_one_is_refused_unless_it_needs_no_password(see: See) -> None:
    for password, opens in (("", True), ("secret", False)):
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(documents.pdf(["Hidden"])))
        writer.encrypt(user_password=password, owner_password="owner", algorithm="RC4-128")
        data = io.BytesIO()
        writer.write(data)
        found = see(data.getvalue())
        assert (found.texts == ["Hidden"]) is opens
        assert opens or (found.error is not None and "password" in found.error[1])


@pytest.mark.parametrize("length", [9, 60, 200, 400])
def test_one_that_is_cut_off_is_refused_or_read(see: See, length: int) -> None:
    found = see(documents.pdf(["Spending fell."])[:length])
    assert found.error is None or found.error[0] == "EINVAL"


def test_what_it_says_of_itself_is_found(see: See) -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(documents.pdf(["The office"])))
    writer.add_metadata({"/CreationDate": "D:20261124091500+01'00'", "/Subject": "Spending"})
    data = io.BytesIO()
    writer.write(data)
    found = see(data.getvalue())
    assert found.about["created"] == "2026-11-24T09:15:00+01:00"
    assert found.about["subject"] == "Spending"


def test_letters_drawn_as_one_are_read_as_they_are_spelt(see: See) -> None:
    names = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[65/ff/fi]>>>>"
    text = b"BT /F 12 Tf 20 200 Td (oAice, Bnd) Tj ET"
    found = see(
        documents.assembled(
            [
                b"<</Type/Catalog/Pages 2 0 R>>",
                b"<</Type/Pages/Count 1/Kids[5 0 R]>>",
                names,
                b"<<>>",
                b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]"
                b"/Resources<</Font<</F 3 0 R>>>>/Contents 6 0 R>>",
                b"<</Length %d>>stream\n%s\nendstream" % (len(text), text),
            ]
        )
    )
    assert found.texts == ["office, find"]
