"""Sounds: what they are, how loud, and where there is something to be heard.

Interface:
    read            WAV by Python itself, other formats where `soundfile` is installed
"""

from __future__ import annotations

import importlib.util
import io
import wave
from typing import TYPE_CHECKING, Any

from ....syscalls.errors import InvalidArgument
from ....syscalls.perception import Place
from ..bounds import SOUND, SPEECH
from ..findings import Findings
from ..senses import AUDIO
from .energy import level, resampled, segments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Samples a second that models of speech take, and the seconds that they take at a time.
RATE, WINDOW = 16_000, 30.0


def read(data: bytes, media: str, findings: Findings) -> None:
    """Find where a sound is more than silence. Raises `InvalidArgument` for a damaged one."""
    kind, rate, channels, sound, whole = _samples(data, media)
    length = len(sound) / rate
    found = segments(sound, rate)
    loudness = level(sound)
    facts: dict[str, Any] = {
        "format": kind, "seconds": round(whole, 3), "rate": rate, "channels": channels,
        "level": loudness.mean, "peak": loudness.peak, "segments": len(found),
    }  # fmt: skip
    findings.truncated |= whole > length + 1
    findings.add(
        "audio",
        f"{kind} sound of {whole:.1f} s, {rate} Hz, {_voices(channels)}; "
        f"parts that are more than silence: {len(found)}",
        Place(start=0.0, end=round(whole, 3)),
        data=facts,
    )
    spoken = 0.0
    for start, end in found:
        part = sound[int(start * rate) : int(end * rate)]
        place = Place(start=round(start, 3), end=round(end, 3))
        heard = level(part)
        view = None
        if findings.transcript and spoken < SPEECH:
            spoken += end - start
            view = {"kind": "audio", "samples": _spoken(part, rate)}
        text = f"sound, {heard.mean:g} dB"
        findings.add(
            "audio", text, place, data={"level": heard.mean, "peak": heard.peak}, view=view
        )
    if findings.transcript and spoken >= SPEECH:
        findings.lack(f"speech after the first {SPEECH:g} s of it")


def _samples(data: bytes, media: str) -> tuple[str, int, int, NDArray[np.float32], float]:
    """Return a sound's format, rate, channels, samples from -1 to 1 (the channels' mean), and
    seconds."""
    if media == "audio/wav":
        try:
            return _wave(data)
        except wave.Error as error:
            if importlib.util.find_spec("soundfile") is None:
                raise InvalidArgument(f"{error}; for other kinds of WAV: {AUDIO}") from None
        except EOFError:
            raise InvalidArgument("it is damaged: it ends in its header") from None
    if importlib.util.find_spec("soundfile") is None:
        raise InvalidArgument(f"{media} cannot be read here: {AUDIO}")
    return _soundfile(data)


def _wave(data: bytes) -> tuple[str, int, int, NDArray[np.float32], float]:
    import numpy as np

    with wave.open(io.BytesIO(data)) as file:
        rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
        if not (rate and channels and file.getcomptype() == "NONE"):
            raise InvalidArgument("it is damaged: no rate or no channels")
        raw = file.readframes(min(file.getnframes(), int(SOUND * rate)))
        whole = file.getnframes() / rate
    raw = raw[: len(raw) // (width * channels) * width * channels]
    if width == 1:
        samples = (np.frombuffer(raw, np.uint8).astype(np.float32) - 128) / 128
    elif width == 3:
        bytes_ = np.frombuffer(raw, np.uint8).reshape(-1, 3).astype(np.int32)
        joined = bytes_[:, 0] << 8 | bytes_[:, 1] << 16 | bytes_[:, 2] << 24
        samples = joined.astype(np.float32) / 2**31
    else:
        kind = {2: np.int16, 4: np.int32}[width]
        samples = np.frombuffer(raw, kind).astype(np.float32) / 2 ** (8 * width - 1)
    mono = samples.reshape(-1, channels).mean(axis=1)
    return "WAV", rate, channels, mono, min(whole, len(mono) / rate)


def _soundfile(data: bytes) -> tuple[str, int, int, NDArray[np.float32], float]:
    import soundfile  # type: ignore[import-untyped]

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            samples = file.read(int(SOUND * file.samplerate), dtype="float32", always_2d=True)
            mono = samples.mean(axis=1)
            whole = max(file.frames, len(mono)) / file.samplerate
            return file.format, file.samplerate, file.channels, mono, whole
    except (soundfile.SoundFileError, ValueError) as error:
        why = getattr(error, "error_string", error)
        raise InvalidArgument(f"it is damaged: {why}") from None


def _spoken(part: NDArray[np.float32], rate: int) -> bytes:
    """Return a part as models of speech take it: 16-bit samples, `RATE` a second."""
    import numpy as np

    sound = resampled(part, rate, RATE)
    return (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()


def _voices(channels: int) -> str:
    return {1: "mono", 2: "stereo"}.get(channels, f"{channels} channels")
