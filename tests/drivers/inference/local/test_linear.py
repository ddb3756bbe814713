"""Linear layers laid out anew give what they gave; in integers nearly so, whoever is beside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from llmagentos.drivers.inference.local import linear
from llmagentos.drivers.inference.local.linear import Int8Linear, PackedLinear
from llmagentos.drivers.inference.local.loader import load
from llmagentos.drivers.inference.local.probe import PAGES, Probe
from llmagentos.drivers.inference.local.runner import Runner
from llmagentos.syscalls.errors import InvalidArgument

Build = Callable[..., Any]


def count(model: nn.Module) -> int:
    return sum(one.numel() for one in model.parameters())


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randn(1, 9, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=[True, False], ids=["bias", "no bias"])
def layer(request: pytest.FixtureRequest) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(64, 48, bias=request.param).requires_grad_(False)


@pytest.fixture
def whole(layer: nn.Linear) -> Int8Linear:
    model = nn.Sequential(layer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear, "LARGE_INT8", 1)
        linear.quantise(model)
    found = model[0]
    assert isinstance(found, Int8Linear) and linear.quantised(model)
    return found


@torch.inference_mode()
def test_packed_weights_give_the_same(layer: nn.Linear, tokens: torch.Tensor) -> None:
    packed = PackedLinear(layer)
    torch.testing.assert_close(packed(tokens), layer(tokens), rtol=1e-5, atol=1e-5)
    assert count(packed) == count(layer)


@torch.inference_mode()
def test_integers_give_nearly_the_same(
    layer: nn.Linear, whole: Int8Linear, tokens: torch.Tensor
) -> None:
    wanted = layer(tokens)
    assert (whole(tokens) - wanted).std() < 0.02 * wanted.std()


@torch.inference_mode()
def test_a_token_of_any_size_keeps_its_digits(
    layer: nn.Linear, whole: Int8Linear, tokens: torch.Tensor
) -> None:
    tokens = tokens * torch.logspace(-6, 6, 9)[:, None]
    none = torch.zeros(()) if layer.bias is None else layer.bias
    wanted = layer(tokens) - none
    apart = (whole(tokens) - none - wanted)[0, 4:].std(1) / wanted[0, 4:].std(1)
    assert apart.max() < 0.03


@torch.inference_mode()
def test_what_a_token_becomes_depends_on_no_other(whole: Int8Linear, tokens: torch.Tensor) -> None:
    alone = whole(tokens[:, 2:3])
    tokens[:, 3] *= 1000
    tokens[:, 4] = 0
    tokens[:, 5, 7] = float("nan")
    beside = whole(tokens)
    assert torch.equal(beside[:, 2:3], alone)
    assert beside[0, 5].isnan().all() and beside[0, [0, 1, 2, 3, 4, 6, 7, 8]].isfinite().all()
    bias = torch.zeros(48) if whole.bias is None else whole.bias
    assert torch.equal(beside[0, 4], bias)


def test_what_only_derives_from_a_linear_layer_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(nn.Linear):
        pass

    monkeypatch.setattr(linear, "LARGE", 1)
    model = nn.ModuleList([Other(4, 4), nn.Linear(4, 4), nn.Linear(4, 4).half()])
    linear.pack(model)
    assert [type(one) for one in model] == [Other, PackedLinear, nn.Linear]


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt_oss", "lfm2"])
def test_coarse_models_are_served_and_give_their_own_logits(
    kind: str, dtype: str, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "LARGE", 1)
    monkeypatch.setattr(linear, "LARGE_INT8", 1)
    model = build(kind, **({"layer_types": ["conv", "full_attention"]} if kind == "lfm2" else {}))
    if dtype == "int8":
        linear.quantise(model)
    else:
        model.bfloat16()
    probe = Probe(model)
    probe.check(Runner(model, pages=PAGES, page_size=16, contexts=2))


def test_an_error_is_found_in_a_coarse_model_too(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build("mistral", sliding_window=8).bfloat16()
    probe = Probe(model)
    runner = Runner(model, pages=PAGES, page_size=16, contexts=2)
    for module in model.modules():
        if hasattr(module, "paged"):
            object.__setattr__(module.paged, "window", None)
    with pytest.raises(InvalidArgument, match="attention"):
        probe.check(runner)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
def test_a_folder_is_loaded_in_any_of_them(
    dtype: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "LARGE_INT8", 1)
    loaded = load(str(folder), dtype)
    assert count(loaded.model) == count(load(str(folder)).model)
    assert linear.quantised(loaded.model) == (dtype == "int8")
    wanted = torch.bfloat16 if dtype == "bfloat16" else torch.float32
    assert next(loaded.model.parameters()).dtype == wanted


def test_another_type_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidArgument, match="float32, bfloat16, int8"):
        load(str(folder), "int4")  # type: ignore[arg-type]


def test_a_processor_without_such_kernels_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "ENGINE", "none")
    with pytest.raises(InvalidArgument, match="int8 is not supported on this processor"):
        linear.quantise(nn.Sequential(nn.Linear(8, 8)))
