"""Very many chunks around the collection, made up: what a search has to find its way through.

A chunk is a sentence of the collection among thirty words, drawn by how often the collection has
them, one in eight of them made up. Its vector is not the model's, which would take an hour: it is
that of the sentence's passage, turned by noise until their cosine is about 0.8.

Interface:
    chunks          yields texts with vectors
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random

import numpy as np

WORDS = 30
_SYLLABLES = "ba da fu gi ka lo me nu pe ri so ta vu wi zo".split()


def chunks(
    count: int, passages: Mapping[str, str], vectors: Mapping[str, Sequence[float]]
) -> Iterator[tuple[str, list[float]]]:
    """Yield `count` chunks, the same ones each time."""
    source, noises = Random(1), np.random.default_rng(1)
    words = [word for text in passages.values() for word in text.split()]
    sentences = [
        (sentence, np.asarray(vectors[name]))
        for name, text in passages.items()
        for sentence in re.split(r"(?<=\.) ", text)
    ]
    for number in range(count):
        sentence, vector = source.choice(sentences)
        others = [_made_up(source) if source.random() < 0.125 else source.choice(words)
                  for _ in range(WORDS)]  # fmt: skip
        noise = noises.standard_normal(len(vector))
        noise -= noise @ vector * vector
        turned = vector + 0.75 * noise / np.linalg.norm(noise)
        yield (
            f"{number} {' '.join(others[:15])} {sentence} {' '.join(others[15:])}",
            turned.tolist(),
        )


def _made_up(source: Random) -> str:
    return "".join(source.choices(_SYLLABLES, k=4))
