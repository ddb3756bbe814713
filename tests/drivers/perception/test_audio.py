"""Sounds: what they are, how loud, and where there is something to be heard."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from llmagentos.drivers.perception.readers.energy import level, resampled, segments

from . import documents
from .conftest import See

RATE = 16_000


def tone(seconds: float, loudness: float, pitch: float = 440.0, rate: int = RATE) -> np.ndarray:
    at = np.arange(int(seconds * rate)) / rate
    return (loudness * np.sin(2 * np.pi * pitch * at)).astype(np.float32)


def noise(seconds: float, loudness: float) -> np.ndarray:
    generator = np.random.default_rng(1)
    return (loudness * generator.standard_normal(int(seconds * RATE))).astype(np.float32)


def test_parts_that_are_more_than_silence_are_found(see: See) -> None:
    found = see(documents.sound((0.6, 0), (0.9, 0.3), (0.6, 0), (0.3, 0.3), (0.3, 0)))
    whole, *parts = found.observations
    assert whole.kind == "audio" and whole.data["format"] == "WAV"
    assert (whole.data["seconds"], whole.data["rate"], whole.data["segments"]) == (2.7, RATE, 2)
    assert whole.data["peak"] == pytest.approx(-10.5, abs=0.2)
    times = [(one.place.start, one.place.end) for one in parts]
    assert times == [
        (pytest.approx(0.6, abs=0.06), pytest.approx(1.5, abs=0.06)),
        (pytest.approx(2.1, abs=0.06), pytest.approx(2.4, abs=0.06)),
    ]


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_of_every_width_are_as_loud(see: See, width: int, channels: int) -> None:
    data = documents.sound((0.3, 0.5), rate=8000, width=width, channels=channels)
    (whole, _) = see(data).observations
    assert whole.data["peak"] == pytest.approx(-6.0, abs=0.3)
    assert whole.data["level"] == pytest.approx(-9.0, abs=0.3)
    assert whole.data["channels"] == channels


@pytest.mark.parametrize(("kind", "subtype"), [("FLAC", None), ("OGG", "VORBIS"), ("MP3", None),
                                              ("WAV", "FLOAT"), ("AIFF", None)])  # fmt: skip
def test_other_formats_are_read_where_soundfile_is_installed(
    see: See, kind: str, subtype: str | None
) -> None:
    data = io.BytesIO()
    sound = np.concatenate([np.zeros(RATE // 2, np.float32), tone(0.5, 0.4)])
    soundfile.write(data, sound, RATE, format=kind, subtype=subtype)
    found = see(data.getvalue())
    assert found.error is None and found.observations[0].data["segments"] == 1


def test_what_is_missing_is_named(see: See, monkeypatch: pytest.MonkeyPatch) -> None:
    data = io.BytesIO()
    soundfile.write(data, tone(0.2, 0.4), RATE, format="FLAC")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = see(data.getvalue())
    assert found.error is not None and "llmagentos[audio]" in found.error[1]


def test_silence_and_its_noise_have_no_parts() -> None:
    assert segments(np.zeros(RATE, np.float32), RATE) == []
    assert segments(noise(2, 0.0005), RATE) == []
    assert segments(np.zeros(3, np.float32), RATE) == []


def test_speech_over_noise_is_found() -> None:
    sound = noise(3, 0.003)
    sound[RATE : 2 * RATE] += tone(1, 0.1)
    ((start, end),) = segments(sound, RATE)
    assert start == pytest.approx(1, abs=0.06) and end == pytest.approx(2, abs=0.06)


def test_one_level_throughout_is_a_sound() -> None:
    assert segments(tone(1, 0.5), RATE) == [(0.0, pytest.approx(1, abs=0.04))]


def test_long_parts_are_cut() -> None:
    parts = segments(tone(70, 0.5, rate=1000), 1000)
    assert [round(end - start) for start, end in parts] == [30, 30, 10]


def test_short_gap_parts_nothing() -> None:
    sound = np.concatenate([tone(0.5, 0.3), np.zeros(int(0.2 * RATE)), tone(0.5, 0.3)])
    assert len(segments(sound.astype(np.float32), RATE)) == 1


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 48_000])
def test_resampled_sound_keeps_its_pitch_and_level(rate: int) -> None:
    sound = resampled(tone(1, 0.5, pitch=1000, rate=rate), rate, RATE)
    spectrum = np.abs(np.fft.rfft(sound))
    assert len(sound) == RATE and int(np.argmax(spectrum)) == 1000
    assert level(sound).mean == pytest.approx(-9.0, abs=0.2)


def test_samples_for_a_model_are_sixteen_thousand_a_second(see: See) -> None:
    found = see(documents.sound((0.5, 0.4), rate=8000), transcript=True)
    assert len(found.views[1]["samples"]) == pytest.approx(2 * RATE * 0.5, rel=0.1)


@pytest.mark.parametrize("length", [12, 30, 43, 44, 45])
def test_damaged_sound_is_refused_or_empty(see: See, length: int) -> None:
    found = see(documents.sound((0.1, 0.5))[:length])
    assert found.error is None or found.error[0] == "EINVAL"
