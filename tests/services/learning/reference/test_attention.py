"""The formulas give what torch's own layers give, and masks hide what they are to hide."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from llmagentos.services.learning.reference.attention import (
    MultiHeadAttention,
    attend,
    causal,
    padding,
)

sizes = st.integers(1, 7)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def near(found: Tensor, wanted: Tensor) -> bool:
    return bool((found - wanted).abs().max() <= 1e-6)


@given(sizes, sizes, sizes, sizes, sizes, st.integers(0, 2**31))
def test_attention_is_that_of_torch_in_every_shape(
    batch: int, new: int, read: int, keys: int, values: int, seed: int
) -> None:
    q, k, v = drawn(batch, 2, new, keys, seed=seed), drawn(batch, 2, read, keys), None
    v = drawn(batch, 2, read, values, seed=seed + 1)
    mask = drawn(batch, 1, new, read, seed=seed + 2) > -0.5
    mask[..., 0] = True  # torch's answer for a query that sees nothing is NaN
    found, weights = attend(q, k, v, mask)
    assert found.shape == (batch, 2, new, values) and weights.shape == (batch, 2, new, read)
    assert near(found, scaled_dot_product_attention(q, k, v, attn_mask=mask))
    assert near(attend(q, k, v)[0], scaled_dot_product_attention(q, k, v))
    assert near(weights.sum(-1), torch.ones(batch, 2, new).double())
    assert not weights[~mask.expand_as(weights)].any()


@given(sizes, sizes)
def test_a_causal_mask_shows_each_of_the_last_places_itself_and_all_before(
    new: int, old: int
) -> None:
    mask = causal(new, new + old)
    assert mask.shape == (new, new + old)
    assert mask.sum(1).tolist() == list(range(old + 1, old + new + 1))
    q, k, v = drawn(1, 1, new, 4), drawn(1, 1, new, 4, seed=1), drawn(1, 1, new, 4, seed=2)
    whole = scaled_dot_product_attention(q, k, v, is_causal=True)
    assert near(attend(q, k, v, causal(new))[0], whole)


def test_a_query_that_sees_nothing_finds_zeros_and_has_a_gradient() -> None:
    q, k, v = (drawn(1, 2, 3, seed=n).requires_grad_() for n in range(3))
    found, _ = attend(q, k, v, torch.tensor([[True, False], [False, False]])[:, :2].view(1, 2, 2))
    assert not found[0, 1].any()
    found.sum().backward()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in (q, k, v))


def test_gradients_are_those_of_the_formula() -> None:
    q, k, v = (drawn(2, 3, 4, seed=n).requires_grad_() for n in range(3))
    mask = causal(3)
    assert torch.autograd.gradcheck(lambda *qkv: attend(*qkv, mask)[0], (q, k, v))
    layer = MultiHeadAttention(4, 2).double()
    assert torch.autograd.gradcheck(lambda x, y: layer(x, y, mask), (q, k))


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_heads_attend_as_those_of_torch_with_the_same_weights(heads: int) -> None:
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(8, heads, batch_first=True).double()
    ours = MultiHeadAttention(8, heads).double()
    for name, weight, bias in zip(
        ("query", "keys", "values"),
        theirs.in_proj_weight.chunk(3),
        theirs.in_proj_bias.chunk(3),
        strict=True,
    ):
        getattr(ours, name).load_state_dict({"weight": weight, "bias": bias})
    ours.out.load_state_dict(theirs.out_proj.state_dict())
    x, memory = drawn(3, 5, 8), drawn(3, 6, 8, seed=1)
    real = torch.tensor([[1] * 6, [1] * 4 + [0] * 2, [1] + [0] * 5])
    wanted, _ = theirs(x, memory, memory, key_padding_mask=real == 0)
    assert near(ours(x, memory, padding(real)), wanted)


def test_heads_that_do_not_part_the_width_are_refused() -> None:
    with pytest.raises(ValueError, match="3 heads cannot share a width of 8"):
        MultiHeadAttention(8, 3)
