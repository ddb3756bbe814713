"""Logits are those of transformers, whatever a model's attention is and however contexts share a
step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from llmagentos.drivers.inference.local import attention, linear

from .packed import worst

#: The largest difference of any logit, in units of the logits' own spread, in float32.
TOLERANCE = 1e-5
#: Its scores are as large as its heads, and transformers' own ways to attend differ by 1.3e-5.
ROUGH = {"gemma4_text": 5e-5}
#: Of what has no effect of its own no test can fail: what a feature changes at least.
SHOWS = 1e-2
WINDOW = {"sliding_window": 8}
#: Layers in turn with a window and without one.
MIXED: dict[str, Any] = {
    **WINDOW,
    "num_hidden_layers": 3,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
}
CONVOLUTIONS: dict[str, Any] = {
    "num_hidden_layers": 3,
    "layer_types": ["conv", "full_attention", "conv"],
}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
LOCAL_EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
ROUTED = {
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "n_group": 2,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "n_shared_experts": 1,
}
LATENT = {"num_key_value_heads": 4, "q_lora_rank": 16, "kv_lora_rank": 8, "qk_nope_head_dim": 8,
          "qk_rope_head_dim": 4, "v_head_dim": 12}  # fmt: skip
#: The last two layers read the keys and values of earlier ones.
SHARED: dict[str, Any] = {**WINDOW, "num_hidden_layers": 4, "num_kv_shared_layers": 2,
                          "layer_types": ["sliding_attention", "full_attention"] * 2,
                          "head_dim": 16, "hidden_size_per_layer_input": 8,
                          "vocab_size_per_layer_input": 259}  # fmt: skip


def rope(kind: str, **fields: Any) -> dict[str, Any]:
    return {"rope_parameters": {"rope_type": kind, "rope_theta": 1e4, **fields}}


HALF = rope("default", partial_rotary_factor=0.5)
YARN = rope("yarn", factor=4.0, original_max_position_embeddings=32)
LLAMA3 = rope(
    "llama3",
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=32,
)
LONGROPE = rope("longrope", short_factor=[1.0] * 4, long_factor=[4.0] * 4,
                original_max_position_embeddings=64)  # fmt: skip

KINDS: dict[str, dict[str, Any]] = {
    "llama": {},
    "llama with llama3 positions": LLAMA3,
    "llama with yarn positions": YARN,
    "llama with dynamic positions": rope("dynamic", factor=2.0),
    "llama with one key head": {"num_key_value_heads": 1},
    "qwen2": {},
    "qwen2 with windows": {**MIXED, "use_sliding_window": True},
    "qwen2_moe": {**EXPERTS, "shared_expert_intermediate_size": 16},
    "qwen2_moe with windows": {**EXPERTS, **MIXED, "shared_expert_intermediate_size": 16,
                               "use_sliding_window": True},
    "qwen3": {"head_dim": 16},
    "qwen3_moe": {**EXPERTS, "head_dim": 16},
    "mistral": WINDOW,
    "mistral without a window": {"sliding_window": None},
    "ministral": {**MIXED, "head_dim": 8},
    "ministral3": {"head_dim": 8},
    "mixtral": {**LOCAL_EXPERTS, **WINDOW},
    "gemma": {"head_dim": 16},
    "gemma2": {**MIXED, "head_dim": 16, "attn_logit_softcapping": 3.0,
               "query_pre_attn_scalar": 8},
    "gemma3_text": {**MIXED, "head_dim": 16, "query_pre_attn_scalar": 8},
    "gemma3n_text": {**SHARED, "laurel_rank": 8, "activation_sparsity_pattern": None},
    "gemma4_text": {**SHARED, "global_head_dim": 16},
    "vaultgemma": {**MIXED, "head_dim": 16, "attn_logit_softcapping": 3.0},
    "gpt_oss": {**MIXED, **LOCAL_EXPERTS, "head_dim": 16},
    "phi": HALF,
    "phi3": {},
    "phi3 with a window": WINDOW,
    "phi3 with longrope positions": LONGROPE,
    "phimoe": {**LOCAL_EXPERTS, **WINDOW},
    "olmo": {"clip_qkv": 2.0},
    "olmo2": {},
    "olmo3": MIXED,
    "olmoe": EXPERTS,
    "smollm3": {"num_hidden_layers": 4, "no_rope_layer_interval": 2},
    "granite": {"attention_multiplier": 0.3},
    "granitemoe": LOCAL_EXPERTS,
    "stablelm": {**HALF, "use_qkv_bias": True},
    "stablelm in parallel": {"use_parallel_residual": True, "qk_layernorm": True},
    "nemotron": HALF,
    "starcoder2": WINDOW,
    "cohere": {"use_qk_norm": True},
    "cohere2": MIXED,
    "glm": {"head_dim": 8},
    "glm4": {"head_dim": 8},
    "glm4_moe": {**ROUTED, "head_dim": 8},
    "exaone4": MIXED,
    "ernie4_5": {},
    "hunyuan_v1_dense": {"head_dim": 8},
    "seed_oss": {"head_dim": 8},
    "deepseek_v2": {**LATENT, **ROUTED},
    "deepseek_v3": {**LATENT, **ROUTED},
    "minicpm3": LATENT,
    "youtu": LATENT,
    "glm4_moe_lite": {**LATENT, **ROUTED},
    "jetmoe": {},
    "apertus": {},
    "arcee": {},
    "helium": {"head_dim": 8},
    "nanochat": {},
    "cwm": {**MIXED, "bos_token_id": 1},
    "granite_swa": {**WINDOW, "num_hidden_layers": 4},
    "dots1": ROUTED,
    "minimax_m2": {**LOCAL_EXPERTS, "head_dim": 8},
    "gpt2": {"num_key_value_heads": None},
    "gpt_neox": {"num_key_value_heads": None},
    "gptj": {"rotary_dim": 4},
    "opt": {"num_key_value_heads": None},
    "gpt_bigcode": {},
    "codegen": {"rotary_dim": 4},
    "persimmon": {},
    "biogpt": {},
    "lfm2 with 3 taps": {**CONVOLUTIONS, "conv_L_cache": 3},
    "lfm2 with 5 taps": {**CONVOLUTIONS, "conv_L_cache": 5, "conv_bias": True},
    "lfm2_moe": {**CONVOLUTIONS, **EXPERTS, "num_dense_layers": 1},
    "lfm3": {**WINDOW, "num_hidden_layers": 3,
             "layer_types": ["conv", "sliding_attention", "full_attention"]},
}  # fmt: skip
Build = Callable[..., Any]


@pytest.fixture(autouse=True)
def packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lay out the weights of small layers, too, as those of large ones are."""
    monkeypatch.setattr(linear, "LARGE", 1)


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_transformers(kind: str, build: Build) -> None:
    assert worst(build(kind.split()[0], **KINDS[kind])) <= ROUGH.get(kind, TOLERANCE)


@pytest.mark.parametrize("feature", ["window", "softcap", "s_aux"])
@pytest.mark.parametrize("kind", ["mistral", "gemma2", "gemma3_text", "gpt_oss"])
def test_no_feature_could_be_left_out(
    kind: str, feature: str, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = attention.paged_attention

    def without(module: Any, *tensors: Any, **kwargs: Any) -> Any:
        if feature == "window":
            module.paged = replace(module.paged, window=None)
        return own(module, *tensors, **{**kwargs, feature: None})

    monkeypatch.setattr(attention, "paged_attention", without)
    has = {"window": True, "softcap": kind == "gemma2", "s_aux": kind == "gpt_oss"}[feature]
    found = worst(build(kind, **KINDS[kind]))
    assert found >= SHOWS if has else found <= TOLERANCE
