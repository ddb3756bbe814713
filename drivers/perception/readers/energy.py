"""The energy of a sound, and which of its parts are more than silence.

A sound is cut into frames of 30 ms. The level of a frame is its root mean square in dB below full
scale. Silence is what is no louder than the quiet frames (the tenth percentile) by a margin; one
and the same level throughout is sound where it is no silence at all. Parts that a short gap parts
are one, and what is too short to be anybody's is none. (Energy detection with a floor estimated
from the signal, as in Rabiner and Sambur, Bell System Technical Journal 54(2), 1975.)

Interface:
    Level, level    how loud a sound is
    segments        the parts that are more than silence, in seconds
    resampled       the same sound with another number of samples a second
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Seconds of a frame; of a gap that parts nothing; of the shortest and the longest part.
FRAME, GAP, SHORTEST, LONGEST = 0.03, 0.3, 0.09, 30.0
#: dB: what is silence whatever else there is, how much louder than the floor a sound is, what is
#: sound in any case, and what no samples at all are.
SILENCE, MARGIN, LOUD, NOTHING = -55.0, 10.0, -30.0, -120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How loud a sound is, in dB below full scale."""

    #: Root mean square.
    mean: float
    peak: float


def level(sound: NDArray[np.float32]) -> Level:
    """Return how loud samples from -1 to 1 are."""
    import numpy as np

    if not len(sound):
        return Level(mean=NOTHING, peak=NOTHING)
    power = float(np.mean(np.square(sound, dtype=np.float64)))
    return Level(mean=_decibels(power**0.5), peak=_decibels(float(np.max(np.abs(sound)))))


def segments(sound: NDArray[np.float32], rate: int) -> list[tuple[float, float]]:
    """Return where a sound is more than silence, as starts and ends in seconds."""
    import numpy as np

    frame = max(int(rate * FRAME), 1)
    count = len(sound) // frame
    if not count:
        return []
    power = np.square(sound[: count * frame], dtype=np.float32).reshape(count, frame).mean(axis=1)
    levels = 10 * np.log10(np.maximum(power, 1e-12))
    floor = float(np.percentile(levels, 10))
    heard = levels > min(max(floor + MARGIN, SILENCE), LOUD)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], heard.astype(np.int8), [0]))))
    parts: list[tuple[float, float]] = []
    for start, end in edges.reshape(-1, 2) * (frame / rate):
        if parts and start - parts[-1][1] <= GAP and end - parts[-1][0] <= LONGEST:
            parts[-1] = (parts[-1][0], float(end))
        else:
            parts.append((float(start), float(end)))
    return [piece for part in parts if part[1] - part[0] >= SHORTEST for piece in _cut(*part)]


def resampled(sound: NDArray[np.float32], rate: int, wanted: int) -> NDArray[np.float32]:
    """Return a sound at another rate; what the lower of both rates cannot carry is left out.

    By its spectrum, cut off or filled with zeros, which is exact for a sound without an edge.
    """
    import numpy as np

    count = round(len(sound) * wanted / rate)
    if rate == wanted or not count:
        return sound
    spectrum = np.fft.rfft(sound)
    shorter = np.zeros(count // 2 + 1, spectrum.dtype)
    shared = min(len(shorter), len(spectrum))
    shorter[:shared] = spectrum[:shared]
    return (np.fft.irfft(shorter, count) * (count / len(sound))).astype(np.float32)


def _cut(start: float, end: float) -> list[tuple[float, float]]:
    """Cut what is longer than a part may be."""
    cuts = []
    while end - start > LONGEST:
        cuts.append((start, start + LONGEST))
        start += LONGEST
    return [*cuts, (start, end)]


def _decibels(amplitude: float) -> float:
    import math

    return round(20 * math.log10(amplitude), 1) if amplitude > 1e-6 else NOTHING
