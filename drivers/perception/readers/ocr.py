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
from typing import TYPE_CHECKING

from ..findings import Findings
from ..senses import OCR

if TYPE_CHECKING:
    from PIL.Image import Image

#: Seconds for one image, and the pixels of its longer side that it is shrunk to.
SECONDS, SIDE = 20, 4000
_SPACES = re.compile(r"[ \t]+\n|\n{3,}")


def read(image: Image, findings: Findings) -> str:
    """Return the text in an image; "" where there is none, or nobody to read it."""
    if shutil.which("tesseract") is None:
        findings.lack(f"text in images: {OCR}")
        return ""
    grey = image.convert("L")
    grey.thumbnail((SIDE, SIDE))
    page = io.BytesIO()
    grey.save(page, "PPM")
    try:
        ran = subprocess.run(
            ["tesseract", "-", "-"],
            input=page.getvalue(),
            capture_output=True,
            timeout=SECONDS,
            env={"OMP_THREAD_LIMIT": "1", "PATH": "/usr/local/bin:/usr/bin:/bin"},
        )
    except subprocess.TimeoutExpired:
        findings.lack(f"text in an image: tesseract took more than {SECONDS} s")
        return ""
    if ran.returncode:
        why = ran.stderr.decode(errors="replace").strip().splitlines()
        findings.lack(f"text in an image: tesseract failed: {why[-1] if why else ran.returncode}")
        return ""
    return _SPACES.sub("\n", ran.stdout.decode(errors="replace")).strip()
