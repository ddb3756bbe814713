"""Folders of models as jobs leave them, small enough to be written by hand."""

from __future__ import annotations

import json
from pathlib import Path


def tensors(file: Path, numbers: int = 6, fill: bytes = b"\0") -> None:
    """Write one tensor of so many numbers."""
    said = {"a": {"dtype": "F32", "shape": [numbers], "data_offsets": [0, 4 * numbers]}}
    header = json.dumps(said).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header + 4 * numbers * fill)


def model(folder: Path, numbers: int = 6, fill: bytes = b"\0") -> Path:
    """Write a causal model."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(about))
    tensors(folder / "model.safetensors", numbers, fill)
    return folder


def adapter(folder: Path, base: str = "parent") -> Path:
    """Write an adapter."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {"peft_type": "LORA", "base_model_name_or_path": base}
    (folder / "adapter_config.json").write_text(json.dumps(about))
    tensors(folder / "adapter_model.safetensors", 2)
    return folder
