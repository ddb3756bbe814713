"""Linear layers as the processor likes them: their weights laid out once, when a model is loaded.

Most of a step is products of a few tokens with all weights. In torch's own layers each product
first brings the weights into the order in which they are read, which takes longer than the product.

Interface:
    PackedLinear    in floating point, as exact as before
    Int8Linear      in integers of 8 bits
    pack, quantise  put the one or the other in the place of a model's linear layers
    quantised       says whether that was done
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from ....syscalls.errors import InvalidArgument

#: From how many weights on a layer gains more by a better layout than it loses by a costlier call.
LARGE = 1 << 18
#: The same for integers. Smaller layers choose experts, too, which hangs on small differences.
LARGE_INT8 = 1 << 14
#: The kernels of torch that take integers.
ENGINE = "fbgemm"


class PackedLinear(nn.Module):
    """A linear layer whose weights are laid out for oneDNN."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), None)
        self.weight = nn.Parameter(packed, requires_grad=False)
        self.bias = linear.bias

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens [..., in] → [..., out]."""
        product = torch.ops.mkldnn._linear_pointwise
        out: Tensor = product(tokens, self.weight, self.bias, "none", [], "")
        return out


class Int8Linear(nn.Module):
    """A linear layer in integers from -127 to 127.

    Weights are scaled by output and inputs by token (Dettmers et al., arXiv 2208.07339, section
    2.1: vector-wise), so that what a token becomes depends on no other token of the step. torch's
    own dynamic layers scale all tokens together.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight = linear.weight.detach().float()
        scales = (weight.abs().amax(1) / 127).clamp_(min=torch.finfo(torch.float32).tiny)
        zeros = torch.zeros(len(scales), dtype=torch.long)
        with warnings.catch_warnings():  # that a later torch may lack these kernels
            warnings.simplefilter("ignore")
            whole = torch.quantize_per_channel(weight, scales.double(), zeros, 0, torch.qint8)
        self._packed = torch.ops.quantized.linear_prepack(whole, None)
        # Without memory: that a model has so many weights is seen from outside as ever.
        self.weight = nn.Parameter(whole.int_repr().to("meta"), requires_grad=False)
        # Without the instructions for it, sums of two products are kept in 16 bits: too few.
        self._levels = 127 if torch.cpu._is_vnni_supported() else 63
        self.bias = linear.bias

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens [..., in] → [..., out]."""
        sizes = tokens.abs().amax(-1, keepdim=True)
        product = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
        # All lie between -1 and 1 now; zero is in the middle of the unsigned integers. Of zeroes
        # alone nothing sensible is left, and that times zero.
        out: Tensor = product(tokens / sizes, 1 / self._levels, self._levels + 1, self._packed)
        return out.mul_(sizes) if self.bias is None else torch.addcmul(self.bias, out, sizes)


def pack(model: Any) -> None:
    """Replace the large linear layers of a model, where the processor has kernels for it."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return
    types = {torch.float32}
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        types.add(torch.bfloat16)
    _replace(model, PackedLinear, LARGE, types)


def quantise(model: Any) -> None:
    """Replace the linear layers of a model, the one that gives logits too.

    Raises `InvalidArgument` where the processor has no kernels for it.
    """
    if ENGINE not in torch.backends.quantized.supported_engines:
        raise InvalidArgument("int8 is not supported on this processor")
    engine = torch.backends.quantized.engine
    torch.backends.quantized.engine = ENGINE
    try:
        _replace(model, Int8Linear, LARGE_INT8, {torch.float32})
    finally:
        torch.backends.quantized.engine = engine


def quantised(model: Any) -> bool:
    """Say whether any layer of a model computes in integers."""
    return any(isinstance(module, Int8Linear) for module in model.modules())


def _replace(
    model: Any,
    layer: type[PackedLinear | Int8Linear],
    large: int,
    types: set[torch.dtype],
) -> None:
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            # Not for what is derived from linear layers: it computes something else.
            if type(child) is not nn.Linear or child.weight.numel() < large:
                continue
            if child.weight.device.type == "cpu" and child.weight.dtype in types:
                setattr(parent, name, layer(child))
