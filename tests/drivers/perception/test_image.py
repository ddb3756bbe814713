"""Images: what they are, and the text in them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from llmagentos.drivers.perception.findings import Findings
from llmagentos.drivers.perception.readers import ocr

from . import documents
from .conftest import See


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
def test_every_format_says_what_it_is(see: See, kind: str) -> None:
    (one,) = see(documents.image(kind)).observations
    assert one.kind == "image" and one.data["format"] == kind
    assert (one.data["width"], one.data["height"]) == (32, 20)


def test_what_a_camera_wrote_is_found(see: See) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Acme"
    exif[0x0132] = "2026:11:24 09:15:00"
    exif[0x0112] = 6  # turned by a quarter
    place = exif.get_ifd(0x8825)
    place[1], place[2], place[3], place[4] = "S", (33.0, 30.0, 0.0), "E", (151.0, 15.0, 36.0)
    exif[0x8825] = dict(place)
    found = see(documents.image("JPEG", exif=exif))
    assert found.about["Make"] == "Acme" and found.about["DateTime"].startswith("2026")
    assert (found.about["latitude"], found.about["longitude"]) == (-33.5, 151.26)
    assert found.observations[0].data["width"] == 20


def test_what_is_missing_is_named(see: See) -> None:
    found = see(documents.image())
    assert found.missing == ["text in images: install tesseract"]
    assert found.texts == ["PNG image, 32 x 20 pixels"]


@pytest.mark.usefixtures("tesseract")
def test_text_in_an_image_is_read(see: See) -> None:
    found = see(documents.letters("HELLO 42"))
    assert found.texts == ["HELLO 42"] and found.missing == []
    scan = io.BytesIO()
    Image.open(io.BytesIO(documents.letters("PAGE TWO"))).save(scan, "PDF", resolution=72)
    found = see(scan.getvalue())
    assert found.texts == ["PAGE TWO"] and found.places == ["page 1"]


def test_thousand_million_pixels_are_refused_unread(see: See) -> None:
    found = see(documents.huge_image())
    assert found.error is not None and found.error[0] == "E2BIG"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_damaged_image_is_refused(see: See, kind: str, share: float) -> None:
    whole = documents.image(kind, size=(200, 200))
    found = see(whole[: int(len(whole) * share)])
    assert found.error is not None and found.error[0] == "EINVAL"


def test_image_for_a_model_is_small(see: See) -> None:
    found = see(documents.image(size=(2000, 1000)), caption=True)
    view = found.views[0]
    assert view["size"] == [512, 256] and len(view["pixels"]) == 512 * 256 * 3


def test_reading_text_in_images_is_bounded(see: See, tmp_path: Path) -> None:
    """By a program in the place of tesseract that never ends."""
    slow = tmp_path / "tesseract"
    slow.write_text("#!/bin/sh\nexec sleep 100\n")
    slow.chmod(0o700)
    findings = Findings(1000)
    findings.patience = 0.2
    image = Image.new("RGB", (40, 40))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("shutil.which", lambda name: str(slow))
        assert ocr.read(image, findings) == "" and "took more than 0.2 s" in findings.missing[0]
        assert ocr.read(image, findings) == "" and "too long" in findings.missing[1]


def test_frames_of_a_moving_image_are_counted(see: See) -> None:
    data = io.BytesIO()
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "green", "blue")]
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:])
    (one,) = see(data.getvalue()).observations
    assert one.data["frames"] == 3
