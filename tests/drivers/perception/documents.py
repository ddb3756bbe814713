"""Small real documents, and hostile ones, each made here byte by byte."""

from __future__ import annotations

import io
import math
import struct
import wave
import zipfile
import zlib
from collections.abc import Callable, Sequence


def pdf(
    pages: Sequence[str], title: str = "Report", kids: bytes | None = None, extra: bytes = b""
) -> bytes:
    """A document with a page for each text; an empty one has no content at all."""
    count = len(pages)
    numbers = b" ".join(b"%d 0 R" % (5 + 2 * at) for at in range(count))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (count, numbers if kids is None else kids),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Title(%s)/Author(Ada)>>" % title.encode(),
    ]
    for at, text in enumerate(pages):
        drawn = b"BT /F 12 Tf 20 200 Td (%s) Tj ET" % text.encode() if text else b""
        objects += [
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]"
            b"/Resources<</Font<</F 3 0 R>>%s>>/Contents %d 0 R>>" % (extra, 6 + 2 * at),
            b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn),
        ]
    return assembled(objects)


def assembled(objects: Sequence[bytes]) -> bytes:
    """A PDF of these objects; the first is its root, the fourth says what it is."""
    data, places = io.BytesIO(b"%PDF-1.4\n"), []
    data.seek(0, io.SEEK_END)
    for number, one in enumerate(objects, 1):
        places.append(data.tell())
        data.write(b"%d 0 obj%s endobj\n" % (number, one))
    table = data.tell()
    data.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    data.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    data.write(b"trailer<</Size %d/Root 1 0 R/Info 4 0 R>>\n" % (len(objects) + 1))
    data.write(b"startxref\n%d\n%%%%EOF" % table)
    return data.getvalue()


def docx() -> bytes:
    """A document with headings, a list and a table."""
    import docx as library

    document = library.Document()
    document.core_properties.title = "Minutes"
    document.core_properties.author = "Ada"
    document.add_heading("Budget", 1)
    document.add_paragraph("We spend less.")
    document.add_paragraph("paper", style="List Bullet")
    document.add_heading("Costs", 2)
    table = document.add_table(2, 2)
    for place, text in enumerate(("item", "price", "paper", "40")):
        table.cell(place // 2, place % 2).text = text
    data = io.BytesIO()
    document.save(data)
    return data.getvalue()


def rewritten(archive: bytes, change: Callable[[str], str]) -> bytes:
    """The same document, the XML of its text changed."""
    data = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as old,
        zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            part = old.read(name)
            if name == "word/document.xml":
                part = change(part.decode()).encode()
            new.writestr(name, part)
    return data.getvalue()


def zip_bomb(size: int = 200 * 2**20) -> bytes:
    """A DOCX of a few hundred kilobytes that unpacks to much more."""
    data = io.BytesIO()
    with (
        zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("word/document.xml", "w", force_zip64=True) as part,
    ):
        for _ in range(size // 2**20):
            part.write(bytes(2**20))
    return data.getvalue()


def laughs() -> bytes:
    """A DOCX whose text is an entity of entities: a thousand million of the innermost."""
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    declared = f'<!DOCTYPE w [<!ENTITY a0 "ha">{entities}]>'

    def change(xml: str) -> str:
        return xml.replace("?>", f"?>{declared}", 1).replace("We spend less.", "&a9;")

    return rewritten(docx(), change)


def image(kind: str = "PNG", size: tuple[int, int] = (32, 20), **saved: object) -> bytes:
    from PIL import Image

    data = io.BytesIO()
    Image.new("RGB", size, "white").save(data, kind, **saved)
    return data.getvalue()


def letters(text: str) -> bytes:
    """A picture of a text."""
    from PIL import Image, ImageDraw

    drawn = Image.new("RGB", (40 * len(text), 90), "white")
    ImageDraw.Draw(drawn).text((20, 20), text, fill="black", font_size=44)
    data = io.BytesIO()
    drawn.save(data, "PNG")
    return data.getvalue()


def huge_image(width: int = 40_000, height: int = 25_000) -> bytes:
    """A PNG of a kilobyte that says that it has a thousand million pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(10_000))
    return b"".join((b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", head), chunk(b"IDAT", body),
                     chunk(b"IEND", b"")))  # fmt: skip


def sound(
    *parts: tuple[float, float], rate: int = 16_000, width: int = 2, channels: int = 1
) -> bytes:
    """A WAV of parts that each last so many seconds and are so loud, of 1 at most."""
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        top = 2 ** (8 * width - 1) - 1
        for seconds, loudness in parts:
            for at in range(int(seconds * rate)):
                value = int(top * loudness * math.sin(at * 2 * math.pi * 440 / rate))
                raw = (
                    bytes([value + 128])
                    if width == 1
                    else value.to_bytes(width, "little", signed=True)
                )
                file.writeframesraw(raw * channels)
    return data.getvalue()
