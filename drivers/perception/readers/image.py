"""Images: what they are, what their files say of them, and the text in them.

Interface:
    read            an image
    opened          its pixels; raises `InvalidArgument` for a damaged one, `TooBig`
    look            what an image within a document shows
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

from ....syscalls.errors import InvalidArgument, TooBig
from ....syscalls.perception import Place
from ..bounds import PIXELS
from ..findings import Findings
from . import ocr

if TYPE_CHECKING:
    from PIL.Image import Image

#: The formats whose readers are opened to strangers.
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP")
#: Pixels of the longer side that a model is shown, and of the shorter one of an image within a
#: document that is worth a look.
_SIDE, _LEAST = 512, 24
#: What stands in an image's file that people ask for; others tell of the camera's inside.
_FACTS = frozenset(
    "Make Model Software DateTime DateTimeOriginal Artist Copyright ImageDescription Orientation "
    "ExposureTime FNumber ISOSpeedRatings PhotographicSensitivity FocalLength LensModel".split()
)


def read(data: bytes, media: str, findings: Findings) -> None:
    """Find what an image shows. Raises as `opened` does."""
    image = opened(data)
    facts: dict[str, Any] = {
        "format": image.format, "width": image.width, "height": image.height, "mode": image.mode,
    }  # fmt: skip
    if (frames := image.info["frames"]) > 1:
        facts["frames"] = frames
    _tags(image, findings)
    text = ocr.read(image, findings)
    said = text or f"{image.format} image, {image.width} x {image.height} pixels"
    _add(image, said, text, findings, Place(), facts)


def look(image: Image, findings: Findings, place: Place) -> None:
    """Add what an image within a document shows, where somebody can read it or look at it."""
    if min(image.size) < _LEAST:  # a rule, a bullet, a dot that counts readers
        return
    if (text := ocr.read(image, findings)) or findings.caption:
        said = text or f"image, {image.width} x {image.height} pixels"
        _add(image, said, text, findings, place, {"width": image.width, "height": image.height})


def _add(
    image: Image, said: str, text: str, findings: Findings, place: Place, facts: dict[str, Any]
) -> None:
    facts |= {"reads": text} if text else {}
    findings.add("image", said, place, data=facts, view=_view(image) if findings.caption else None)


def _view(image: Image) -> dict[str, Any]:
    """Return an image's pixels for a model, three bytes each, row by row, and its size."""
    small = image.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    return {"kind": "image", "pixels": small.tobytes(), "size": list(small.size)}


def opened(data: bytes) -> Image:
    """Return an image with its pixels, the right way up; `info` says how many frames there are."""
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
    image.info["frames"] = _frames(file)
    return image


def _frames(file: Image) -> int:
    try:
        return int(getattr(file, "n_frames", 1))
    except Exception:  # the first one is whole, whatever the others are
        return 1


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
