from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.services.learning.pretrain.corpus import Corpus, Documents
from llmagentos.services.learning.pretrain.examples import Blocks, Pairs, Texts, sentences
from llmagentos.services.learning.pretrain.noise import Noise
from llmagentos.services.learning.pretrain.recipe import CorpusPart
from llmagentos.syscalls.errors import InvalidArgument

END, START = 1, 2


@pytest.fixture
def documents(tmp_path: Path) -> Any:
    """Documents whose sentences begin with the document's letter."""
    texts = [f"{letter}a. {letter}b. {letter}c." for letter in "ABCDEFGHIJ"]
    (tmp_path / "a.txt").write_text("\n\n".join(texts))
    return lambda: Documents(Corpus(tmp_path, CorpusPart(files=["a.txt"], held_out=1e-9)))


def encode(text: str) -> list[int]:
    return [ord(one) for one in text]


def blocks(documents: Any, **named: Any) -> Blocks:
    return Blocks(documents(), encode, length=8, end=END, seed=3, **({"buffer": 4} | named))


def texts(documents: Any, **named: Any) -> Texts:
    cut = {"length": 8, "end": END, "buffer": 4, "seed": 3, "close": True, "least": 2, "group": 2}
    return Texts(documents(), encode, **(cut | named))


def pairs(documents: Any) -> Pairs:
    return Pairs(documents(), encode, length=15, start=START, end=END, buffer=4, seed=3)


def test_blocks_hold_documents_one_after_the_other(documents: Any) -> None:
    found = list(islice(blocks(documents, buffer=1), 5))
    joined = [token for one in found for token in one["input_ids"]]
    assert "".join(map(chr, joined)).split(chr(END))[:3] == [
        "Aa. Ab. Ac.", "Ba. Bb. Bc.", "Ca. Cb. Cc.",
    ]  # fmt: skip
    assert {len(one["input_ids"]) for one in found} == {8}


def test_blocks_stand_between_special_tokens(documents: Any) -> None:
    one = next(iter(blocks(documents, before=(START,), after=(END,))))
    assert one["input_ids"][0] == START and one["input_ids"][-1] == END
    assert one["special_tokens_mask"] == [1, 0, 0, 0, 0, 0, 0, 1]


def test_a_text_is_an_example_and_a_longer_one_several(documents: Any) -> None:
    found = list(islice(texts(documents, buffer=1, length=9), 4))
    said = ["".join(map(chr, one["input_ids"])) for one in found]
    assert said == ["Aa. Ab. A", f"c.{chr(END)}", "Ba. Bb. B", f"c.{chr(END)}"]
    between = {"before": (START,), "after": (END,), "close": False, "length": 20}
    assert next(iter(texts(documents, buffer=1, **between)))["input_ids"] == [
        START, *encode("Aa. Ab. Ac."), END,
    ]  # fmt: skip


def test_texts_of_a_group_are_about_as_long_as_each_other(tmp_path: Path) -> None:
    sizes = [3 + 37 * n % 50 for n in range(400)]
    (tmp_path / "a.txt").write_text("\n\n".join("x" * size for size in sizes))
    corpus = Corpus(tmp_path, CorpusPart(files=["a.txt"], held_out=1e-9))
    drawn = iter(texts(lambda: Documents(corpus), buffer=100, length=60, group=8, close=False))
    lengths = [len(next(drawn)["input_ids"]) for _ in range(800)]
    groups = [lengths[start : start + 8] for start in range(0, 800, 8)]
    assert sum(max(one) - min(one) for one in groups) / len(groups) < 8
    assert set(lengths) == set(sizes)


def test_a_corpus_of_texts_that_are_too_short_is_refused(documents: Any) -> None:
    with pytest.raises(InvalidArgument, match="no document has 12 tokens"):
        next(iter(texts(documents, close=False, length=20, least=12)))


@pytest.mark.parametrize("make", [blocks, texts, pairs])
@pytest.mark.parametrize("taken", [0, 1, 17, 100])
def test_examples_go_on_from_any_position(documents: Any, make: Any, taken: int) -> None:
    one, other = make(documents), make(documents)
    given_out = iter(one)
    list(islice(given_out, taken))
    other.restore(one.state())
    assert list(islice(given_out, 30)) == list(islice(iter(other), 30))


def test_the_second_text_follows_or_is_of_another_document(documents: Any) -> None:
    labels = []
    for one in islice(pairs(documents), 200):
        text = "".join(map(chr, one["input_ids"]))
        first, second = text.strip(chr(START) + chr(END)).split(chr(END))
        labels.append(one["next_sentence_label"])
        # The ends that meet are kept: the first text's last sentence is whole.
        last = first[-3]
        same = second[0] == last
        assert one["next_sentence_label"] == (0 if same else 1) or same
        if not labels[-1]:
            assert second[1] == chr(ord(first[-2]) + 1)
        sizes = len(first) + 2, len(second) + 1
        assert one["token_type_ids"] == [0] * sizes[0] + [1] * sizes[1]
        assert len(one["input_ids"]) <= 15
    assert 60 < sum(labels) < 140


def test_sentences_are_cut_after_full_stops_and_at_lines() -> None:
    assert sentences("One. Two? 3.5 is\nfour…  Five") == ["One.", "Two?", "3.5 is", "four…", "Five"]


def noise(style: str, **named: Any) -> Noise:
    given = {"noise": 0.3, "span": 2.0, "pad": 0, "end": 1, "mask": 3, "sentinels": [4, 5, 6, 7]}
    return Noise(style=style, **(given | named))


@given(st.integers(2, 80), st.floats(0.01, 0.95), st.floats(1, 20), st.integers(0, 9))
def test_what_is_read_and_what_is_written_make_the_text(
    length: int, share: float, span: float, seed: int
) -> None:
    torch.manual_seed(seed)
    text = list(range(100, 100 + length))
    read, written = noise("spans", noise=share, span=span).corrupt(text)
    assert read[-1] == written[-1] == 1
    parts: dict[int, list[int]] = {}
    for token in written[:-1]:
        if token < 100:
            parts[token] = []
        else:
            parts[list(parts)[-1]].append(token)
    made = [one for token in read[:-1] for one in parts.get(token, [token])]
    assert made == text
    assert all(parts.values())
    read, written = noise("infill", noise=share, span=span).corrupt(text)
    assert written == [*text, 1] and 3 in read
    assert not any(one == other == 3 for one, other in pairwise(read))


def test_as_much_is_missing_as_was_asked_for() -> None:
    spans = noise("spans", sentinels=list(range(4, 50))).spans(100)
    assert sum(length for _, length in spans) == 30 and len(spans) == 15


def test_batches_are_filled_up_with_what_does_not_count() -> None:
    torch.manual_seed(0)
    batch = noise("spans")([{"input_ids": list(range(100, 110))}, {"input_ids": [100, 101, 102]}])
    assert batch["input_ids"].shape == batch["attention_mask"].shape
    assert int(batch["attention_mask"][1].sum()) == int((batch["input_ids"][1] != 0).sum())
    assert (batch["labels"][1] == -100).any()
