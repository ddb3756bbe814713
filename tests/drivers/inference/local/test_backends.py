"""Whatever attends gives the model's own logits, and is asked for no more than it can do."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from llmagentos.drivers.inference.local import probe
from llmagentos.drivers.inference.local.backends import contract, flashinfer
from llmagentos.drivers.inference.local.backends.choice import candidates, choose
from llmagentos.drivers.inference.local.backends.contract import Needs
from llmagentos.drivers.inference.local.backends.flash import FlashAttention
from llmagentos.drivers.inference.local.backends.flashinfer import FlashInfer
from llmagentos.drivers.inference.local.backends.flex import FlexAttention
from llmagentos.drivers.inference.local.backends.gather import Gather
from llmagentos.drivers.inference.local.probe import proved
from llmagentos.syscalls.errors import InvalidArgument

from .packed import SIZE, worst

Build = Callable[..., Any]
#: Windows, soft caps, sinks, heads that share keys, and keys of another dim than values.
KINDS: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {"sliding_window": 8},
    "gemma2": {"sliding_window": 8, "head_dim": 16, "attn_logit_softcapping": 3.0},
    "gpt_oss": {"sliding_window": 8, "head_dim": 16, "num_local_experts": 4},
    "lfm2": {"layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False},
}
LATENT = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8}


@pytest.mark.parametrize("kind", KINDS)
def test_logits_of_flex_attention_are_those_of_transformers(kind: str, build: Build) -> None:
    assert worst(build(kind, **KINDS[kind]), backend="flex") <= 1e-5


def test_flex_attention_knows_values_of_a_dim_of_their_own(build: Build) -> None:
    changes = {**LATENT, "v_head_dim": 12, "num_key_value_heads": 4, "first_k_dense_replace": 9}
    assert worst(build("deepseek_v3", **changes), backend="flex") <= 1e-5


def plain(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    pages: list[int],
    length: int,
    scale: float | None,
    window: int,
    softcap: float,
) -> tuple[Tensor, Tensor]:
    """One context's last tokens attend, written out: [new, heads, dim], and what the scores'
    exponentials sum up to, as natural logarithms [new, heads]. `window` tokens before each one are
    seen, all where it is -1."""
    keys, values = (one[pages].flatten(0, 1)[:length] for one in (keys, values))
    shared = query.shape[1] // keys.shape[1]
    keys, values = (one.repeat_interleave(shared, 1) for one in (keys, values))
    scores = torch.einsum("nhd,rhd->nhr", query, keys) * (scale or query.shape[-1] ** -0.5)
    if softcap:
        scores = torch.tanh(scores / softcap) * softcap
    new = torch.arange(length - len(query), length)[:, None, None]
    read = torch.arange(length)
    seen = read <= new
    if window >= 0:
        seen = seen & (read >= new - window)
    scores = scores.masked_fill(~seen, -math.inf)
    return torch.einsum("nhr,rhd->nhd", scores.softmax(-1), values), scores.logsumexp(-1)


def flash_attn_with_kvcache(
    q: Tensor,
    k_cache: Tensor,
    v_cache: Tensor,
    *,
    cache_seqlens: Tensor,
    block_table: Tensor,
    softmax_scale: float | None,
    causal: bool,
    window_size: tuple[int, int],
    softcap: float,
    return_softmax_lse: bool,
) -> tuple[Tensor, Tensor]:
    """As flash-attn 2.8 describes it: q [contexts, 1, heads, dim], lse [contexts, heads, 1]."""
    assert causal and return_softmax_lse and window_size[1] == (-1 if window_size[0] < 0 else 0)
    assert cache_seqlens.dtype == block_table.dtype == torch.int32
    assert k_cache.shape[1] == SIZE and block_table.is_contiguous()
    made = [
        plain(one, k_cache, v_cache, table, length, softmax_scale, window_size[0], softcap)
        for one, table, length in zip(q, block_table.tolist(), cache_seqlens.tolist(), strict=True)
    ]
    return torch.stack([out for out, _ in made]), torch.stack([lse.T for _, lse in made])


def flash_attn_varlen_func(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    cu_seqlens_q: Tensor,
    cu_seqlens_k: Tensor,
    max_seqlen_q: int,
    max_seqlen_k: int,
    softmax_scale: float | None,
    causal: bool,
    window_size: tuple[int, int],
    softcap: float,
    return_attn_probs: bool,
    block_table: Tensor,
) -> tuple[Tensor, Tensor, None]:
    """As flash-attn 2.8 describes it: q [all new, heads, dim], lse [heads, all new]."""
    assert causal and return_attn_probs
    assert cu_seqlens_q.dtype == cu_seqlens_k.dtype == block_table.dtype == torch.int32
    lengths, counts = cu_seqlens_k.diff().tolist(), cu_seqlens_q.diff().tolist()
    assert (max(counts), max(lengths)) == (max_seqlen_q, max_seqlen_k)
    made = [
        plain(one, k, v, table, length, softmax_scale, window_size[0], softcap)
        for one, table, length in zip(q.split(counts), block_table.tolist(), lengths, strict=True)
    ]
    return torch.cat([out for out, _ in made]), torch.cat([lse for _, lse in made]).T, None


class Wrapper:
    """As FlashInfer 0.7 describes its wrappers: work is laid out by `plan`, and done by `run`."""

    def __init__(
        self,
        workspace: Tensor,
        layout: str,
        use_tensor_cores: bool = False,
        backend: str = "auto",
        **fixed: Any,
    ) -> None:
        assert workspace.dtype == torch.uint8 and layout == "NHD"
        self.fixed = fixed

    def lay_out(
        self,
        counts: list[int],
        bounds: Tensor,
        flat: Tensor,
        last: Tensor,
        shapes: tuple[int, ...],
        *,
        sm_scale: float | None,
        window_left: int,
        logits_soft_cap: float | None,
        q_data_type: torch.dtype,
        kv_data_type: torch.dtype,
    ) -> None:
        assert bounds.dtype == flat.dtype == last.dtype == torch.int32
        assert q_data_type == kv_data_type and shapes[-1] == SIZE
        if self.fixed:
            assert len(bounds) == len(self.fixed["paged_kv_indptr_buffer"])
            assert len(flat) <= len(self.fixed["paged_kv_indices_buffer"])
        self.counts, self.shapes = counts, shapes
        self.tables = [flat[a:b].tolist() for a, b in pairwise(bounds)]
        self.last = last.tolist()
        self.drawn = sm_scale, window_left, logits_soft_cap or 0.0

    def run(
        self, q: Tensor, paged: tuple[Tensor, Tensor], *, return_lse: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        assert self.shapes[:3] == (q.shape[1], paged[0].shape[2], q.shape[2])
        made = [
            plain(one, *paged, table, (len(table) - 1) * SIZE + last, *self.drawn)
            for one, table, last in zip(q.split(self.counts), self.tables, self.last, strict=True)
        ]
        out = torch.cat([out for out, _ in made])
        return (out, torch.cat([lse for _, lse in made]) / math.log(2)) if return_lse else out


class Decoding(Wrapper):
    def plan(self, bounds: Tensor, flat: Tensor, last: Tensor, *shapes: int, **drawn: Any) -> None:
        self.lay_out([1] * len(last), bounds, flat, last, shapes, **drawn)


class Prefilling(Wrapper):
    def plan(
        self,
        starts: Tensor,
        bounds: Tensor,
        flat: Tensor,
        last: Tensor,
        *shapes: int,
        causal: bool,
        **drawn: Any,
    ) -> None:
        assert causal and starts.dtype == torch.int32
        self.lay_out(starts.diff().tolist(), bounds, flat, last, shapes, **drawn)


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the libraries do, written out."""
    attn, infer = ModuleType("flash_attn"), ModuleType("flashinfer")
    vars(attn).update(
        flash_attn_with_kvcache=flash_attn_with_kvcache,
        flash_attn_varlen_func=flash_attn_varlen_func,
    )
    vars(infer).update(
        BatchDecodeWithPagedKVCacheWrapper=Decoding, BatchPrefillWithPagedKVCacheWrapper=Prefilling
    )
    monkeypatch.setitem(sys.modules, "flash_attn", attn)
    monkeypatch.setitem(sys.modules, "flashinfer", infer)
    monkeypatch.setattr(flashinfer, "WORKSPACE", 16)


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize("make", [FlashAttention, FlashInfer])
@pytest.mark.parametrize("kind", KINDS)
def test_kernels_over_page_tables_are_asked_for_the_models_own_logits(
    kind: str, make: Callable[[], Any], build: Build
) -> None:
    assert worst(build(kind, **KINDS[kind]), backend=make()) <= 1e-5


def play(work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
    """Play a step again as a graph does: from the same places to the same place."""
    out = work()
    return lambda: out.copy_(work()), out


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize("make", [FlashAttention, FlashInfer, FlexAttention])
@pytest.mark.parametrize("kind", KINDS)
def test_steps_that_are_played_again_give_the_logits_of_their_own_tokens(
    kind: str, make: Callable[[], Any], build: Build
) -> None:
    recorded: list[object] = []

    def record(work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        recorded.append(work)
        return play(work)

    assert worst(build(kind, **KINDS[kind]), backend=make(), record=record) <= 1e-5
    # Convolutions have tensors of a plan that are not kept.
    assert bool(recorded) is (kind != "lfm2")


def test_a_model_that_cannot_be_recorded_goes_on_without(build: Build) -> None:
    asked: list[object] = []

    def refuse(work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        asked.append(work)
        raise RuntimeError("operation not permitted when stream is capturing")

    assert worst(build("llama"), backend="flex", record=refuse) <= 1e-5
    assert len(asked) == 1


def needs(**changes: Any) -> Needs:
    usual = {"features": frozenset(), "dims": frozenset({(128, 128)}), "device": "cuda"}
    return Needs(**{**usual, "dtype": torch.bfloat16, **changes})


@pytest.mark.usefixtures("libraries")
def test_what_cannot_serve_a_model_is_refused_with_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = {"flashinfer"}
    monkeypatch.setattr(contract, "find_spec", lambda name: name if name in there else None)
    for name, changes, reason in (
        ("flashinfer", {"dtype": torch.float32}, "no kernels for float32"),
        ("flashinfer", {"dims": frozenset({(80, 80)})}, "keys of 80 and values of 80"),
        ("flashinfer", {"device": "cpu"}, "on a GPU alone"),
        ("flash_attn", {}, "not installed"),
        ("flex", {"dims": frozenset({(8, 8)})}, "keys of 8 and values of 8"),
        ("flashinfer", {"features": frozenset({"window", "magic"})}, "it does no magic"),
    ):
        with pytest.raises(InvalidArgument, match=f"{name} cannot serve this model: .*{reason}"):
            choose(name, needs(**changes))
    there.add("flash_attn")
    assert isinstance(choose("flashinfer", needs()), FlashInfer)
    assert isinstance(choose("flash_attn", needs(dims=frozenset({(80, 80)}))), FlashAttention)


def test_the_best_that_works_attends(
    build: Build, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    best = candidates("auto", "cuda")
    assert best == ("flashinfer", "flash_attn", "flex", "gather")
    assert candidates("auto", "cpu") == ("gather",) and candidates("flex", "cuda") == ("flex",)
    with pytest.raises(InvalidArgument, match="one of auto, flashinfer, flash_attn, flex, gather"):
        candidates("magic", "cpu")

    def broken(*_: object) -> Tensor:
        raise RuntimeError("no kernel image is available")

    monkeypatch.setattr(probe, "candidates", lambda name, device: best)
    monkeypatch.setattr(FlexAttention, "attend", broken)
    assert isinstance(proved(build("llama"), "auto", 2)._now.backend, Gather)
    assert capsys.readouterr().err.count("is passed over") == 3
