"""Vectors are those of sentence-transformers; a model that gives none is refused."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from llmagentos.drivers.inference.sentences.model import load
from llmagentos.syscalls.errors import InvalidArgument, LLMAgentOSError, NotFound

Build = Callable[..., Path]
TEXTS = ["the cat sleeps on the mat .", "the ship", "a dog , a cat , a ship sails on the sea"]


def vectors(folder: Path, texts: list[str], dtype: str = "float32") -> torch.Tensor:
    model = load(str(folder), dtype)  # type: ignore[arg-type]
    return model.vectors(model.reader.tokens(texts))


def reference(folder: Path, texts: list[str]) -> torch.Tensor:
    with warnings.catch_warnings():  # of what it imports
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(folder), device="cpu")
        return torch.nn.functional.normalize(torch.tensor(model.encode(texts)), dim=1)


@pytest.mark.slow
def test_similar_sentences_are_nearer_in_the_real_model_whose_vectors_are_as_published(
    minilm: Path,
) -> None:
    texts = [
        "A man is eating food.",
        "A man is eating a piece of bread.",
        "The girl is carrying a baby.",
        "word " * 1000,
    ]
    exact, short = vectors(minilm, texts), vectors(minilm, texts, "bfloat16")
    near = exact @ exact.T
    assert near[0, 1] > 0.7 and near[0, 2] < 0.1
    torch.testing.assert_close(exact, reference(minilm, texts), atol=1e-4, rtol=0)
    assert float((exact * short).sum(1).min()) > 0.999


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["mean", "cls", "lasttoken"])
def test_vectors_are_those_of_sentence_transformers(build: Build, mode: str) -> None:
    folder = build(pooling={"pooling_mode": mode, "embedding_dimension": 16})
    torch.testing.assert_close(vectors(folder, TEXTS), reference(folder, TEXTS), atol=1e-5, rtol=0)


def test_a_vector_has_length_one_and_does_not_hang_on_its_batch(build: Build) -> None:
    folder = build()
    found = vectors(folder, TEXTS)
    assert found.shape == (3, 16) and found.dtype == torch.float32
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3))
    for text, one in zip(TEXTS, found, strict=True):
        torch.testing.assert_close(vectors(folder, [text])[0], one, atol=1e-5, rtol=0)


def test_a_long_text_is_cut_where_the_model_sees_no_further(build: Build) -> None:
    model = load(str(build(longest=9)), "float32")
    assert model.longest == 9
    [short] = model.reader.tokens(["cat " * 7])
    assert model.reader.tokens(["cat " * 100_000]) == [short]
    assert load(str(build("positions", longest=None)), "float32").longest == 24


def test_texts_that_hold_nothing_or_no_characters_are_refused(build: Build) -> None:
    reader = load(str(build()), "float32").reader
    with pytest.raises(InvalidArgument, match="text 1 is empty"):
        reader.tokens(["cat", ""])
    with pytest.raises(InvalidArgument, match="surrogate"):
        reader.tokens(["cat \ud800"])
    assert reader.tokens(["ca\0t"]) == reader.tokens(["cat"])
    assert [len(one) for one in reader.tokens([" \n", "\0", "\u200b"])] == [2, 2, 2]


def test_a_folder_without_a_tokenizer_is_refused(build: Build) -> None:
    with pytest.raises(NotFound, match="no tokenizer"):
        load(str(build(tokenizer=False)))


def test_missing_weights_are_not_replaced_by_random_ones(build: Build) -> None:
    from safetensors.torch import load_file, save_file

    folder = build()
    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: one for name, one in weights.items() if "layer.1" not in name},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    with pytest.raises(InvalidArgument, match="weights are missing"):
        load(str(folder))
    (folder / "model.safetensors").unlink()
    with pytest.raises(LLMAgentOSError):
        load(str(folder))


@pytest.mark.parametrize("size", [0, 7, 2000])
def test_cut_weights_are_a_clear_error(build: Build, size: int) -> None:
    folder = build()
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:size])
    with pytest.raises(LLMAgentOSError, match="small"):
        load(str(folder))


def test_weights_that_are_no_numbers_are_refused(build: Build) -> None:
    from safetensors.torch import load_file, save_file

    folder = build()
    weights = {
        name: one * float("nan") for name, one in load_file(folder / "model.safetensors").items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InvalidArgument, match="no vectors"):
        load(str(folder))


@pytest.mark.parametrize("kind", ["never_heard_of", "t5"])
def test_a_model_of_another_kind_is_refused(build: Build, kind: str) -> None:
    folder = build()
    (folder / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(InvalidArgument):
        load(str(folder))


def test_weights_that_are_a_program_are_not_read(build: Build) -> None:
    from safetensors.torch import load_file

    folder = build()
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(LLMAgentOSError):
        load(str(folder))


def test_a_wrong_type_of_number_is_refused(build: Build) -> None:
    with pytest.raises(InvalidArgument, match="float32, bfloat16"):
        load(str(build()), "int3")  # type: ignore[arg-type]


def test_a_missing_folder_is_not_asked_for_over_the_network(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    with pytest.raises(NotFound):
        load(str(tmp_path))
