"""Layers give what torch's own give with the same weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from llmagentos.services.learning.reference.attention import MultiHeadAttention, causal, padding
from llmagentos.services.learning.reference.layers import DecoderLayer, EncoderLayer, positions

WIDTH, HEADS, INNER = 12, 3, 20


def copy_attention(ours: MultiHeadAttention, theirs: Any) -> None:
    parts = zip(theirs.in_proj_weight.chunk(3), theirs.in_proj_bias.chunk(3), strict=True)
    for layer, (weight, bias) in zip((ours.query, ours.keys, ours.values), parts, strict=True):
        layer.load_state_dict({"weight": weight, "bias": bias})
    ours.out.load_state_dict(theirs.out_proj.state_dict())


def copy(ours: Any, theirs: Any) -> None:
    copy_attention(ours.attention, theirs.self_attn)
    if hasattr(ours, "cross"):
        copy_attention(ours.cross, theirs.multihead_attn)
    ours.feed_forward.first.load_state_dict(theirs.linear1.state_dict())
    ours.feed_forward.second.load_state_dict(theirs.linear2.state_dict())
    for number, residual in enumerate(ours.residuals, 1):
        residual.norm.load_state_dict(getattr(theirs, f"norm{number}").state_dict())


def shaken(layer: nn.Module) -> Any:
    """Torch's norms begin as ones and zeros, which would hide a mix-up."""
    for weight in layer.parameters():
        nn.init.normal_(weight, std=0.3)
    return layer.double().eval()


def near(found: Tensor, wanted: Tensor) -> bool:
    return bool((found - wanted).abs().max() <= 1e-6)


@pytest.fixture
def x() -> Tensor:
    return torch.randn((4, 6, WIDTH), generator=torch.Generator().manual_seed(1)).double()


@pytest.fixture
def real() -> Tensor:
    return torch.tensor([[1] * 6, [1] * 5 + [0], [1] * 3 + [0] * 3, [1] + [0] * 5])


@pytest.mark.parametrize("norm_first", [False, True])
def test_an_encoder_of_two_layers_is_that_of_torch(
    norm_first: bool, x: Tensor, real: Tensor
) -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(
        WIDTH, HEADS, INNER, dropout=0.0, batch_first=True, norm_first=norm_first
    )
    theirs = shaken(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False))
    found = x
    for theirs_layer in theirs.layers:
        ours = EncoderLayer(WIDTH, HEADS, INNER, norm_first=norm_first).double().eval()
        copy(ours, theirs_layer)
        found = ours(found, padding(real))
    wanted = theirs(x, src_key_padding_mask=real == 0)
    assert near(found[real == 1], wanted[real == 1])


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_decoder_of_two_layers_is_that_of_torch(
    norm_first: bool, x: Tensor, real: Tensor
) -> None:
    torch.manual_seed(0)
    layer = nn.TransformerDecoderLayer(
        WIDTH, HEADS, INNER, dropout=0.0, batch_first=True, norm_first=norm_first
    )
    theirs = shaken(nn.TransformerDecoder(layer, 2))
    memory, found = x.flip(1), x[:, :4]
    for theirs_layer in theirs.layers:
        ours = DecoderLayer(WIDTH, HEADS, INNER, norm_first=norm_first).double().eval()
        copy(ours, theirs_layer)
        found = ours(found, memory, causal(4), padding(real))
    wanted = theirs(
        x[:, :4],
        memory,
        tgt_mask=~causal(4),
        memory_key_padding_mask=real == 0,
    )
    assert near(found, wanted)


def test_a_layers_gradients_are_those_of_its_formula(x: Tensor) -> None:
    torch.manual_seed(0)
    layer = DecoderLayer(WIDTH, HEADS, INNER).double()
    small, memory = x[:1, :2].clone().requires_grad_(), x[1:2, :3].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: layer(a, b, causal(2)), (small, memory))


@pytest.mark.parametrize("width", [7, 8])
def test_places_are_sinusoids_whose_wavelengths_grow(width: int) -> None:
    found = positions(50, width)
    assert found.shape == (50, width)
    for place in (0, 1, 49):
        for one in range(width):
            angle = torch.tensor(place / 10_000 ** ((one - one % 2) / width))
            wanted = angle.cos() if one % 2 else angle.sin()
            assert abs(found[place, one] - wanted) <= 1e-6


def test_a_shift_of_places_is_the_same_linear_map_everywhere() -> None:
    found = positions(40, 8).double()
    shift, *_ = torch.linalg.lstsq(found[:-5], found[5:])
    assert near(found[:-5] @ shift, found[5:])
