"""An adapter that peft has saved gives the logits that peft gives; any other is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from llmagentos.drivers.inference.local.adapter import SETTINGS, WEIGHTS, base, holds, merge
from llmagentos.drivers.inference.local.loader import load
from llmagentos.drivers.inference.targets import EMBEDDED
from llmagentos.syscalls.errors import InvalidArgument, NotFound

# peft asks transformers by an older name.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")
IDS = torch.arange(3, 12).unsqueeze(0)


def adapted(parent: Path, folder: Path, **fields: Any) -> Any:
    """Save an adapter that changes something, and return peft's model with it."""
    plain = AutoModelForCausalLM.from_pretrained(parent, dtype=torch.float32)
    settings = {"r": 4, "lora_alpha": 6, "target_modules": ["q_proj", "v_proj"], **fields}
    model = get_peft_model(plain, LoraConfig(**settings))
    torch.manual_seed(7)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.5)
    model.save_pretrained(folder)
    return model.eval()


def change(folder: Path, **fields: Any) -> Path:
    path = folder / SETTINGS
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return folder


@pytest.mark.parametrize("fields", [{}, {"use_rslora": True}, {"target_modules": "all-linear"}])
def test_logits_are_those_of_peft(fields: dict[str, Any], tmp_path: Path) -> None:
    wanted = adapted(EMBEDDED, tmp_path / "tune", **fields)
    change(tmp_path / "tune", base_model_name_or_path="embedded")
    loaded = load(str(tmp_path / "tune"))
    plain = load(str(EMBEDDED))
    with torch.inference_mode():
        there, here = wanted(IDS).logits, loaded.model(IDS).logits
        assert (here - there).abs().max() <= 1e-4 * there.std()
        assert (plain.model(IDS).logits - there).abs().max() > there.std()
    assert loaded.name == "tune" and holds(str(tmp_path / "tune")) and not holds(str(EMBEDDED))


def test_weights_that_lie_the_other_way_round_are_met(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=40)).save_pretrained(
        tmp_path / "gpt2"
    )
    wanted = adapted(
        tmp_path / "gpt2", tmp_path / "tune", target_modules=["c_attn"], fan_in_fan_out=True
    )
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "gpt2", dtype=torch.float32)
    merge(model.eval(), tmp_path / "tune")
    with torch.inference_mode():
        assert torch.allclose(model(IDS).logits, wanted(IDS).logits, atol=1e-5)


def test_model_of_int8_is_quantised_with_its_adapter(tmp_path: Path) -> None:
    adapted(EMBEDDED, tmp_path / "tune")
    with torch.inference_mode():
        exact = load(str(tmp_path / "tune")).model(IDS).logits
        rough = load(str(tmp_path / "tune"), "int8").model(IDS).logits
    assert 0 < (rough - exact).abs().mean() < 0.2 * exact.std()


def test_adapter_of_another_kind_is_refused_by_what_it_asks_for(tmp_path: Path) -> None:
    folder = tmp_path / "tune"
    model = adapted(EMBEDDED, folder)
    del model
    plain = load(str(EMBEDDED)).model
    for fields, wrong in (
        ({"use_dora": True}, "use_dora"),
        ({"bias": "all"}, "bias"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"lora_alpha": None}, "lora_alpha"),
        ({"peft_type": "PREFIX_TUNING"}, "of type LORA"),
    ):
        kept = (folder / SETTINGS).read_text()
        with pytest.raises(InvalidArgument, match=wrong):
            merge(plain, change(folder, **fields))
        (folder / SETTINGS).write_text(kept)
    with pytest.raises(InvalidArgument, match="names no base"):
        base(change(folder, base_model_name_or_path=None))
    (folder / SETTINGS).write_text("{")
    with pytest.raises(InvalidArgument, match="cannot be read"):
        base(folder)


def test_adapter_of_another_model_or_with_other_tensors_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "tune"
    adapted(EMBEDDED, folder)
    tensors = load_file(folder / WEIGHTS)
    name = min(tensors)
    for wrong, told in (
        ({name.replace("layers.1", "layers.99"): tensors[name]}, "no .*layers.99|holds"),
        ({**tensors, "base_model.model.odd": tensors[name].clone()}, "holds base_model.model.odd"),
        ({**tensors, name: tensors[name][:, :-1].contiguous()}, "the base model's"),
        ({}, "holds nothing"),
    ):
        save_file(wrong, folder / WEIGHTS)
        with pytest.raises(InvalidArgument, match=told):
            merge(load(str(EMBEDDED)).model, folder)


def test_base_that_is_not_there_is_named(tmp_path: Path) -> None:
    adapted(EMBEDDED, tmp_path / "tune")
    change(tmp_path / "tune", base_model_name_or_path=str(tmp_path / "gone"))
    with pytest.raises(NotFound, match=r"there is no model in .*gone"):
        load(str(tmp_path / "tune"))
