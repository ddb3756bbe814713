"""What can be perceived here, and what the rest needs.

Interface:
    senses          every kind of source
    OCR, AUDIO, CAPTIONS, SPEECH    what is needed for what not every machine can do
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec

from ...syscalls.perception import Sense
from .settings import Settings
from .sniff import DOCX, MEDIA

OCR = "install tesseract"
AUDIO = "pip install llmagentos[audio]"
CAPTIONS = "name a model in [drivers.perception.settings] captioner"
SPEECH = "name a model in [drivers.perception.settings] transcriber"
#: Libraries that each kind of source is read with.
_LIBRARIES = {
    "text": "charset_normalizer", "html": "selectolax", "pdf": "pypdf", "docx": "docx",
    "image": "PIL", "audio": "numpy",
}  # fmt: skip


def senses(settings: Settings) -> list[Sense]:
    """Return every kind of source, by name, and whether it works here."""
    images = [media for media in MEDIA if media.startswith("image/")]
    sounds = [media for media in MEDIA if media.startswith("audio/") and media != "audio/wav"]
    return [
        _library("text", ["text/plain"], "text"),
        _library("markdown", ["text/markdown"], "text"),
        _library("html", ["text/html"], "html"),
        _library("csv", ["text/csv", "text/tab-separated-values"], "text"),
        _library("json", ["application/json", "application/jsonl"], "text"),
        _library("toml", ["application/toml"], "text"),
        _library("pdf", ["application/pdf"], "pdf"),
        _library("docx", [DOCX], "docx"),
        _library("image", images, "image"),
        _sense("text in images", images, shutil.which("tesseract"), OCR),
        _sense("captions", images, settings.captioner, CAPTIONS),
        _library("audio", ["audio/wav"], "audio"),
        _sense(
            "more audio", sounds, find_spec("soundfile"), "pip install llmagentos[audio]"
        ),
        _sense("speech", ["audio/wav", *sounds], settings.transcriber, SPEECH),
    ]  # fmt: skip


def _library(name: str, media: list[str], kind: str) -> Sense:
    library = _LIBRARIES[kind]
    return _sense(name, media, find_spec(library), f"the library {library}")


def _sense(name: str, media: list[str], there: object, needs: str) -> Sense:
    return Sense(
        name=name, media=media, available=bool(there), needs=None if there else needs
    )  # fmt: skip
