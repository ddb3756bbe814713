"""Text in images, by the program `tesseract` where it is installed.

It is given pixels and never the image's file, whose format is a stranger's.

Interface:
    available       whether it is installed; names what is missing where it is not
    read            the text in an image
    WANTS           what people are told to install
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from ..findings import Findings

if TYPE_CHECKING:
    from PIL.Image import Image

WANTS = "install tesseract"
#: Seconds for one image, and the pixels of its longer side that it is shrunk to.
SECONDS, SIDE = 20, 4000
_SPACES = re.compile(r"[ \t]+\n|\n{3,}")


def available(findings: Findings) -> bool:
    """Whether text in images can be read."""
    if shutil.which("tesseract") is None:
        findings.lack(f"text in images: {WANTS}")
        return False
    return True


def read(image: Image, findings: Findings) -> str:
    """Return the text in an image; "" where there is none."""
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
