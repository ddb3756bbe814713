"""Which kind of source bytes are; a name has a say only among kinds of text."""

# ruff: noqa: RUF001  # Letters of other alphabets are what is tried here.

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.drivers.perception.encoding import decode
from llmagentos.drivers.perception.sniff import DOCX, MEDIA, sniff
from llmagentos.syscalls.errors import InvalidArgument

from . import documents


@pytest.mark.parametrize(
    ("name", "data", "media"),
    [
        ("a.txt", b"hello", "text/plain"),
        ("page", b"<!-- x -->\n<!DOCTYPE html><p>hi", "text/html"),
        ("notes.txt", b"<html><body>hi", "text/html"),
        ("a.md", b"hello", "text/markdown"),
        ("readme", b"# Title\n\ntext", "text/markdown"),
        ("a.csv", b"one\n", "text/csv"),
        ("stdin", b"a,b,c\n1,2,3\n4,5,6\n", "text/csv"),
        ("stdin", b"a\tb\n1\t2\n4\t5\n", "text/tab-separated-values"),
        ("stdin", b'{"a": 1}', "application/json"),
        ("stdin", b"[1, 2]", "application/json"),
        ("stdin", b'{"a": 1}\n{"a": 2}\n', "application/jsonl"),
        ("stdin", b"[server]\nport = 3\n", "application/toml"),
        ("stdin", b"[see above] for more\n", "text/plain"),
        (
            "stdin",
            b"One, two, three. He said, she said, they said.\nAnd so, then, on.\n",
            "text/plain",
        ),
        ("a.png", documents.pdf(["x"]), "application/pdf"),
        ("a.pdf", documents.image("PNG"), "image/png"),
        ("a.pdf", documents.image("JPEG"), "image/jpeg"),
        ("a", documents.image("GIF"), "image/gif"),
        ("a", documents.image("WEBP"), "image/webp"),
        ("a", documents.image("TIFF"), "image/tiff"),
        ("a", documents.image("BMP"), "image/bmp"),
        ("a.txt", documents.sound((0.1, 0.5)), "audio/wav"),
        ("a.pdf", documents.docx(), DOCX),
        ("empty", b"", "text/plain"),
        ("a.csv", "a,b".encode("utf-16"), "text/csv"),
        ("a", bytes([0xFF, 0xFB, 0x90, 0x00]) + bytes(400), "audio/mpeg"),
    ],
)
def test_bytes_say_what_they_are(name: str, data: bytes, media: str) -> None:
    assert sniff(name, data) == media


def test_named_media_overrules_bytes() -> None:
    assert sniff("a.csv", b"a,b", "text/plain; charset=utf-8") == "text/plain"
    assert sniff("a", b"a,b", "application/x-ndjson") == "application/jsonl"


@pytest.mark.parametrize("media", ["video/mp4", "", "nonsense", "../../etc"])
def test_unknown_media_is_refused_with_those_that_are_known(media: str) -> None:
    with pytest.raises(InvalidArgument, match="text/plain"):
        sniff("a", b"x", media)


def test_bytes_of_no_known_kind_are_refused() -> None:
    for data in (bytes(range(256)) * 8, b"\x7fELF" + bytes(100), b"PK\3\4" + bytes(60)):
        with pytest.raises(InvalidArgument):
            sniff("a.txt", data)


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252",
     "koi8-r", "cp1251", "shift_jis", "gb18030", "euc_kr", "big5"],
)  # fmt: skip
def test_text_is_read_in_its_encoding(encoding: str) -> None:
    text = {
        "koi8-r": "Все счастливые семьи похожи друг на друга. ",
        "cp1251": "Каждая несчастливая семья несчастлива по-своему. ",
        "shift_jis": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
        "gb18030": "学而时习之，不亦说乎？有朋自远方来，不亦乐乎？",
        "euc_kr": "모든 국민은 인간으로서의 존엄과 가치를 가지며 행복을 추구할 권리를 가진다. ",
        "big5": "學而時習之，不亦說乎？有朋自遠方來，不亦樂乎？",
    }.get(encoding, "Die Größe des Gebäudes überrascht: Straßen, Öfen und Türen. ")
    assert decode((text * 20).encode(encoding)) == text * 20


def test_declared_encoding_of_a_page_is_taken_and_a_false_one_is_not() -> None:
    page = '<meta charset="iso-8859-7"><p>Όλοι οι άνθρωποι'
    assert decode(page.encode("iso-8859-7")) == page
    for codec in ("rot13", "zlib", "idna", "nonsense", "undefined"):
        assert decode(f"<meta charset={codec}>Größe und Öl".encode("latin-1")) is not None


@given(st.binary(max_size=400))
def test_any_bytes_are_some_kind_or_refused(data: bytes) -> None:
    try:
        assert sniff("it", data) in MEDIA
    except InvalidArgument:
        pass


def test_no_text_takes_its_looks_long_to_tell() -> None:
    for text in ("<!---->" * 5000, "[a]" * 5000, "{" * 50_000, "# " * 50_000, "\n" * 50_000 + "["):
        assert sniff("it", text.encode()) in MEDIA
