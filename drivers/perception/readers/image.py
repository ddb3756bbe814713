"""Images: what they are, what their files say of them, and the text in them.

Interface:
    read            an image
    show            an image's pixels, as a model is shown them
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

from ....syscalls.errors import InvalidArgument, TooBig
from ..bounds import PIXELS
from ..findings import Findings
from . import ocr

if TYPE_CHECKING:
    from PIL.Image import Image

#: The formats whose readers are opened to strangers.
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP")
#: Pixels of the longer side that a model is shown.
_SIDE = 512
#: What stands in an image's file that people ask for; others tell of the camera's inside.
_FACTS = frozenset(
    "Make Model Software DateTime DateTimeOriginal Artist Copyright ImageDescription Orientation "
    "ExposureTime FNumber ISOSpeedRatings PhotographicSensitivity FocalLength LensModel".split()
)


def read(data: bytes, media: str, findings: Findings) -> None:
    """Find what an image shows. Raises `InvalidArgument` for a damaged one, `TooBig`."""
    image = _opened(data)
    facts: dict[str, Any] = {
        "format": image.format, "width": image.width, "height": image.height, "mode": image.mode,
    }  # fmt: skip
    if (frames := getattr(image, "n_frames", 1)) > 1:
        facts["frames"] = frames
    _tags(image, findings)
    text = ocr.read(image, findings) if ocr.available(findings) else ""
    facts |= {"reads": text} if text else {}
    view = show(image) if findings.caption else None
    said = text or f"{image.format} image, {image.width} x {image.height} pixels"
    findings.add("image", said, data=facts, view=view)


def show(image: Image) -> dict[str, Any]:
    """Return an image's pixels, three bytes each, row by row, and its size."""
    small = image.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    return {"kind": "image", "pixels": small.tobytes(), "size": list(small.size)}


def _opened(data: bytes) -> Image:
    from PIL import Image as pillow
    from PIL import ImageOps

    pillow.MAX_IMAGE_PIXELS = PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            file = pillow.open(io.BytesIO(data), formats=_FORMATS)
            file.load()
            image: Image = ImageOps.exif_transpose(file)
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning):
        raise TooBig(f"an image of more than {PIXELS} pixels") from None
    except MemoryError:
        raise
    except Exception as error:  # pillow's readers raise whatever a damaged file makes them
        raise InvalidArgument(f"it is damaged: {error}") from None
    image.format = file.format
    return image


def _tags(image: Image, findings: Findings) -> None:
    """Take what the file says of its image."""
    from PIL.ExifTags import GPS, IFD, TAGS

    try:
        exif = image.getexif()
        told = {TAGS.get(key, ""): value for key, value in exif.items()}
        told |= {TAGS.get(key, ""): value for key, value in exif.get_ifd(IFD.Exif).items()}
        place = exif.get_ifd(IFD.GPSInfo)
        found = {
            axis: _degrees(place[tag], place[sign])
            for axis, tag, sign in (
                ("latitude", GPS.GPSLatitude, GPS.GPSLatitudeRef),
                ("longitude", GPS.GPSLongitude, GPS.GPSLongitudeRef),
            )
            if tag in place and sign in place
        }
    except Exception:  # what a file says of its image is no part of it
        return
    for name, value in told.items():
        if name in _FACTS:
            text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
            findings.state(name, text.strip("\0 "))
    for axis, degrees in found.items():
        findings.state(axis, degrees)
    for key, value in image.info.items():  # texts of a PNG, a GIF's comment
        if isinstance(key, str) and isinstance(value, (str, bytes)) and key.isidentifier():
            if key not in ("exif", "icc_profile", "xmp", "photoshop"):
                text = value.decode(errors="replace") if isinstance(value, bytes) else value
                findings.state(key, text)


def _degrees(parts: Any, sign: Any) -> float:
    degrees, minutes, seconds = map(float, parts)
    value = degrees + minutes / 60 + seconds / 3600
    return round(-value if str(sign).upper() in ("S", "W") else value, 6)
