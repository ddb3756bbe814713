"""An adapter's folder is a target like a model's."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from llmagentos.drivers.inference.choice import Choice
from llmagentos.drivers.inference.local.adapter import SETTINGS, WEIGHTS
from llmagentos.drivers.inference.targets import OPENERS, open_engine


def test_adapter_answers_under_its_own_name(tmp_path: Path) -> None:
    folder = tmp_path / "tune"
    folder.mkdir()
    settings = {"peft_type": "LORA", "lora_alpha": 4, "base_model_name_or_path": "embedded"}
    (folder / SETTINGS).write_text(json.dumps(settings))
    name = "base_model.model.model.layers.1.self_attn.q_proj"
    save_file(
        {
            f"{name}.lora_A.weight": torch.randn(2, 160),
            f"{name}.lora_B.weight": torch.randn(160, 2),
        },
        folder / WEIGHTS,
    )

    async def run() -> None:
        engine = await open_engine(Choice(target=f"hf:{folder}"), {"tokens": 4096}, OPENERS)
        info = engine.info()
        await engine.close()
        assert (info.name, info.target) == ("tune", f"hf:{folder}")

    asyncio.run(run())
