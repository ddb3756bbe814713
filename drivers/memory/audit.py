"""What is wrong with a memory.

A duplicate says what another piece says in nearly the same words, or words as near in meaning. A
contradiction is a pair that says of one thing that it is this and that (`X is Y`, `X: Y`, `X = Y`),
or that is alike but for a number or a negation: a sign that somebody should look, no more. An echo
was recalled and stored again.

Interface:
    findings        of pieces
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...syscalls.memory import Finding, Recollection
from .statement import SAME, Statement

#: Findings of one audit.
MOST = 1000


def findings(
    pieces: Sequence[Recollection],
    echoes: Mapping[int, int],
    near: Iterable[tuple[int, int]] = (),
) -> list[Finding]:
    """Return what is wrong: `echoes` says which piece was stored again as which, `near` which two
    semantic ones are as near in meaning as duplicates are."""
    texts = {one.id: one.text for one in pieces}
    said = {one.id: Statement.of(one.text) for one in pieces if one.tier == "semantic"}
    found: dict[tuple[str, tuple[int, ...]], Finding] = {}
    for first, second in [*_alike(said), *_of_one_thing(said), *near]:
        pair = (min(first, second), max(first, second))
        if said[first].contradicts(said[second]):
            _note(found, "contradiction", pair, texts)
        elif said[first].agrees(said[second]):
            _note(found, "duplicate", pair, texts)
    for number, heard in echoes.items():
        if number in texts:
            text = f"{texts[number]!r} was recalled as {heard} and stored again"
            found["echo", (heard, number)] = Finding(kind="echo", ids=[heard, number], text=text)
    return list(found.values())[:MOST]


def _note(
    found: dict[tuple[str, tuple[int, ...]], Finding],
    kind: str,
    pair: tuple[int, int],
    texts: Mapping[int, str],
) -> None:
    text = " / ".join(repr(texts[number]) for number in pair)
    found[kind, pair] = Finding(
        kind="duplicate" if kind == "duplicate" else "contradiction", ids=list(pair), text=text
    )


def _alike(said: Mapping[int, Statement]) -> Iterator[tuple[int, int]]:
    """Yield pairs that have nearly all words in common.

    Two sets that share so many share one of their few rarest words (prefix filtering; Bayardo, Ma
    and Srikant, WWW 2007), so only pieces that do are compared.
    """
    counts = Counter(word for one in said.values() for word in one.words)
    by_word: dict[str, list[int]] = defaultdict(list)
    for number, one in said.items():
        rarest = sorted(one.words, key=lambda word: (counts[word], word))
        prefix = rarest[: len(rarest) - math.ceil(SAME * len(rarest)) + 1]
        others = {other for word in prefix for other in by_word[word]}
        yield from ((other, number) for other in sorted(others) if one.alike(said[other]))
        for word in prefix:
            by_word[word].append(number)


def _of_one_thing(said: Mapping[int, Statement]) -> Iterator[tuple[int, int]]:
    """Yield each piece that says what a thing is, with the next one that says it of that thing."""
    by_subject: dict[str, list[int]] = defaultdict(list)
    for number in sorted(said):
        if (subject := said[number].subject) is not None:
            yield from ((other, number) for other in by_subject[subject][-1:])
            by_subject[subject].append(number)
