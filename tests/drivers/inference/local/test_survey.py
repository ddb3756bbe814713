"""A model's own code says what its layers need; what the engine lacks is refused by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import masking_utils

from llmagentos.drivers.inference.local.plan import Step
from llmagentos.drivers.inference.local.survey import survey
from llmagentos.syscalls.errors import InvalidArgument

Build = Callable[..., Any]


def windows(model: Any) -> list[int | None]:
    survey(model, Step())
    return [one.paged.window for one in model.modules() if hasattr(one, "paged")]


@pytest.mark.parametrize(
    ("kind", "changes", "wanted"),
    [
        ("llama", {}, [None, None]),
        ("mistral", {}, [4096, 4096]),
        ("qwen2", {}, [None, None]),
        ("qwen2", {"use_sliding_window": True, "max_window_layers": 1, "sliding_window": 64},
         [None, 64]),
        # Its attention is not told of the window; it comes with the mask alone.
        ("phimoe", {"num_local_experts": 4, "sliding_window": 100}, [100, 100]),
        ("gemma2", {"head_dim": 8}, [4096, None]),
        ("gpt_oss", {"head_dim": 8, "num_local_experts": 4}, [128, None]),
        ("lfm2", {"layer_types": ["conv", "full_attention"]}, [None]),
    ],
)  # fmt: skip
def test_each_layer_knows_its_window(
    kind: str, changes: Any, wanted: list[int | None], build: Build
) -> None:
    assert windows(build(kind, **changes)) == wanted


def test_a_model_may_be_asked_again(build: Build) -> None:
    model = build("mistral")
    assert windows(model) == windows(model)


def test_layers_know_whose_keys_they_read(build: Build) -> None:
    model = build(
        "gemma4_text",
        num_hidden_layers=6,
        num_kv_shared_layers=3,
        layer_types=["sliding_attention", "full_attention", "full_attention"] * 2,
        head_dim=8,
        global_head_dim=8,
        hidden_size_per_layer_input=8,
        vocab_size_per_layer_input=259,
    )
    survey(model, Step())
    layers = [one.paged for one in model.modules() if hasattr(one, "paged")]
    assert [one.kept for one in layers] == [0, 1, 2, 0, 2, 2]
    assert [one.writes for one in layers] == [True] * 3 + [False] * 3


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        ("llama", {"is_causal": False}, "attention to later tokens"),
        ("llama4_text", {"layer_types": ["chunked_attention"] * 2, "num_local_experts": 2,
                         "intermediate_size_mlp": 64, "head_dim": 8},
         "neither causal nor a sliding window"),
        ("gemma3_text", {"use_bidirectional_attention": True, "head_dim": 8}, "mask|later tokens"),
        ("bert", {}, "attention to later tokens"),
        ("diffllama", {}, "attention more than once in a layer"),
        ("falcon", {}, "falcon has attention of its own"),
        ("bloom", {"n_head": 4}, "bloom has attention of its own"),
        ("mpt", {"n_heads": 4, "d_model": 32}, "mpt has attention of its own"),
        ("gpt_neo", {"num_layers": 2, "attention_types": [[["global", "local"], 1]]},
         "gpt_neo has attention of its own"),
        ("xlm", {"emb_dim": 32, "n_heads": 4, "n_layers": 2},
         "xlm has attention of its own, or none"),
    ],
)  # fmt: skip
def test_what_the_engine_lacks_is_named(kind: str, changes: Any, reason: str, build: Build) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        survey(build(kind, **changes), Step())


def test_an_unknown_tensor_is_no_small_matter(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build("llama")
    attend = model.model.layers[1].self_attn.forward

    def biased(*args: Any, **kwargs: Any) -> Any:
        return attend(*args, **kwargs, position_bias=torch.zeros(1))

    monkeypatch.setattr(model.model.layers[1].self_attn, "forward", biased)
    with pytest.raises(InvalidArgument, match="llama needs attention with position_bias"):
        survey(model, Step())


@pytest.mark.parametrize("at", [3 * 1000 + 1, 2 * 1000, 1000, 999, 1])
def test_a_mask_that_differs_anywhere_around_its_window_is_found_out(
    at: int, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = masking_utils.sliding_window_causal_mask_function

    def odd(window: int) -> Any:
        right = make(window)

        def mask(batch: Any, head: Any, new: Any, read: Any) -> Any:
            return right(batch, head, new, read) ^ ((new == at) & (read == max(0, at - window)))

        return mask

    monkeypatch.setattr(masking_utils, "sliding_window_causal_mask_function", odd)
    with pytest.raises(InvalidArgument, match="neither causal nor a sliding window"):
        survey(build("mistral", sliding_window=1000), Step())
