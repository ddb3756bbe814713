"""The collection is what it says of itself, and rankings are judged as published."""

from __future__ import annotations

import re

import apsw
import pytest

from llmagentos.benchmarks.collection import ndcg, passages, queries

#: Words that say nothing of a subject, as stems.
FUNCTION = set(
    "a an the of to in on at by for from with and or not no is ar wa were be been it that thi what"
    " when how why who which do i my me you your they can should if than then so up out off into"
    " over after befor dure without veri doe ani on all some".split()
)


def stems(text: str) -> set[str]:
    base = apsw.Connection(":memory:")
    cut = base.fts5_tokenizer("porter", ["unicode61"])
    found = cut(
        text.encode(), apsw.FTS5_TOKENIZE_QUERY, None, include_offsets=False,
        include_colocated=False,
    )  # fmt: skip
    base.close()
    return {str(one) for one in found} - FUNCTION


def test_every_query_is_answered_by_passages_that_there_are() -> None:
    known = passages()
    assert len(known) >= 200 and len(queries()) >= 60
    for query in queries():
        assert query.judged.keys() <= known.keys(), query
        assert set(query.judged.values()) <= {1, 2} and 2 in query.judged.values(), query


def test_a_paraphrase_shares_no_word_with_what_answers_it() -> None:
    known = passages()
    for query in queries():
        if query.kind == "paraphrase":
            for name, degree in query.judged.items():
                shared = stems(query.text) & stems(known[name])
                assert degree < 2 or not shared, (query.text, name, shared)


def test_a_term_names_what_answers_it() -> None:
    known = passages()
    for query in queries():
        if query.kind == "term":
            words = re.findall(r"[A-Z0-9][\w.-]*", query.text)
            best = " ".join(known[name] for name, degree in query.judged.items() if degree == 2)
            assert any(word.lower() in best.lower() for word in words) or "17b" in query.text


def test_ndcg_is_one_for_the_best_order_and_discounts_later_ranks() -> None:
    judged = {"a": 2, "b": 1}
    assert ndcg(["a", "b", "c"], judged) == 1.0
    assert ndcg(["c", "d"], judged) == 0.0
    # By hand: (1 / log2(2) + 3 / log2(3)) / (3 / log2(2) + 1 / log2(3)).
    assert ndcg(["b", "a"], judged) == pytest.approx(0.7967, abs=1e-4)
    assert ndcg([*"cdefghijkl", "a"], judged) == 0.0
