"""Text in images, by the program `tesseract` where it is installed.

It is given pixels and never the image's file, whose format is a stranger's.

Interface:
    read            the text in an image; names what is missing where it cannot be read
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from ..findings import Findings
from ..senses import OCR

if TYPE_CHECKING:
    from PIL.Image import Image

#: Seconds for one image, and the pixels of its longer side that it is shrunk to.
SECONDS, SIDE = 20.0, 4000
_SPACES = re.compile(r"[ \t]+\n|\n{3,}")


def read(image: Image, findings: Findings) -> str:
    """Return the text in an image; "" where there is none, or nobody to read it."""
    if (program := shutil.which("tesseract")) is None:
        findings.lack(f"text in images: {OCR}")
        return ""
    if findings.patience <= 0:
        findings.lack("text in further images: it takes too long to read them all")
        return ""
    grey = image.convert("L")
    grey.thumbnail((SIDE, SIDE))
    page = io.BytesIO()
    grey.save(page, "PPM")
    seconds, start = min(SECONDS, findings.patience), time.monotonic()
    try:
        ran = subprocess.run(
            [program, "-", "-"],
            input=page.getvalue(),
            capture_output=True,
            timeout=seconds,
            env={"OMP_THREAD_LIMIT": "1", "PATH": "/usr/local/bin:/usr/bin:/bin"},
        )
    except subprocess.TimeoutExpired:
        findings.lack(f"text in an image: tesseract took more than {seconds:g} s")
        return ""
    finally:
        findings.patience -= time.monotonic() - start
    if ran.returncode:
        why = ran.stderr.decode(errors="replace").strip().splitlines()
        findings.lack(f"text in an image: tesseract failed: {why[-1] if why else ran.returncode}")
        return ""
    return _SPACES.sub("\n", ran.stdout.decode(errors="replace")).strip()
