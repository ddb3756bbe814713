"""What cannot be run is refused by name or by proof, and nothing is looked for at length."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import CONFIG_MAPPING

from llmagentos.drivers.inference.local import hub
from llmagentos.drivers.inference.local.loader import bounded, load, refuse
from llmagentos.drivers.inference.local.probe import PAGES, Probe
from llmagentos.drivers.inference.local.runner import Runner
from llmagentos.syscalls.errors import InvalidArgument, LLMAgentOSError, NotFound

Build = Callable[..., Any]


@pytest.mark.parametrize(
    ("kind", "changes", "needs"),
    [
        ("mamba", {}, "layers of type linear_attention, a recurrent state"),
        ("jamba", {}, "layers of type linear_attention"),
        ("xlstm", {}, "a recurrent state"),
        ("llama4_text", {}, "chunked_attention"),
        ("qwen3_next", {}, "linear_attention"),
        ("deepseek_v32", {}, "indexed_attention"),
        ("deepseek_v4", {}, "compressed_sparse_attention"),
        ("t5", {}, "an encoder"),
    ],
)
def test_what_is_known_to_be_missing_is_named(kind: str, changes: Any, needs: str) -> None:
    with pytest.raises(InvalidArgument, match=needs):
        refuse(CONFIG_MAPPING[kind](**changes))


@pytest.mark.parametrize(
    "kind", ["llama", "qwen3", "mistral", "lfm2", "gpt2", "gemma2", "gemma3", "gpt_oss"]
)
def test_what_is_supported_is_not_refused(kind: str) -> None:
    refuse(CONFIG_MAPPING[kind]())


def test_contexts_end_where_positions_would_change_for_all() -> None:
    long = CONFIG_MAPPING["phi3"](
        max_position_embeddings=131_072,
        rope_parameters={
            "rope_type": "longrope",
            "rope_theta": 1e4,
            "short_factor": [1.0] * 48,
            "long_factor": [4.0] * 48,
            "original_max_position_embeddings": 4096,
        },
    )
    assert bounded(long).max_position_embeddings == 4096
    assert long.max_position_embeddings == 131_072
    plain = CONFIG_MAPPING["llama"](max_position_embeddings=512)
    assert bounded(plain).max_position_embeddings == 512


def check(model: Any) -> None:
    probe = Probe(model)
    probe.check(Runner(model, pages=PAGES, page_size=16, contexts=2))


@pytest.mark.parametrize(("kind", "changes"), [("llama", {}), ("phi3", {}), ("gpt2", {
    "num_key_value_heads": None})])  # fmt: skip
def test_what_gives_its_own_logits_passes(kind: str, changes: Any, build: Build) -> None:
    check(build(kind, **changes))


def test_an_error_in_one_layer_is_found_out(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build("llama")
    probe = Probe(model)
    runner = Runner(model, pages=PAGES, page_size=16, contexts=2)
    with torch.no_grad():
        model.model.layers[1].self_attn.v_proj.weight[0] *= 1.5
    with pytest.raises(InvalidArgument, match="attention"):
        probe.check(runner)


def test_weights_that_give_no_numbers_are_refused(build: Build) -> None:
    model = build("llama")
    with torch.no_grad():
        model.lm_head.weight[5] = float("nan")
    with pytest.raises(InvalidArgument, match="no numbers"):
        Probe(model)


def test_a_folder_is_loaded(folder: Path) -> None:
    loaded = load(str(folder))
    assert loaded.name == "tiny-llama" and loaded.config.model_type == "llama"
    assert not loaded.model.training


def test_two_loads_at_once_do_not_spoil_each_other(build: Build, folder: Path) -> None:
    tied = folder.with_name("tied")
    build("llama", tie_word_embeddings=True).save_pretrained(tied)
    shutil.copy(folder / "tokenizer.json", tied)
    shutil.copy(folder / "tokenizer_config.json", tied)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(load, [str(tied)] * 8))
    right = build("llama", tie_word_embeddings=True).state_dict()
    for loaded in found:
        for name, weight in loaded.model.state_dict().items():
            assert torch.equal(weight, right[name]), name


def test_a_folder_without_a_model_is_none(tmp_path: Path) -> None:
    for source in (str(tmp_path), str(tmp_path / "missing"), "./nowhere"):
        with pytest.raises(NotFound, match=r"config\.json"):
            load(source)


@pytest.mark.parametrize("damage", ["cut", "junk", "config", "tokenizer"])
def test_damaged_files_are_typed_errors(folder: Path, tmp_path: Path, damage: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    weights = copy / "model.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-1000])
    elif damage == "junk":
        weights.write_bytes(b"\xff" * 100)
    else:
        name = "config.json" if damage == "config" else "tokenizer.json"
        (copy / name).write_text('{"model_type": ')
    with pytest.raises(LLMAgentOSError):
        load(str(copy))


@pytest.mark.parametrize("source", ["hf/models/tiny", "models\\tiny", "a/b/c/d"])
def test_what_can_be_no_id_is_not_asked_for(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "reachable", lambda: pytest.fail("the hub was asked"))
    with pytest.raises(NotFound, match="neither a folder here nor an id"):
        load(source)


def test_a_hub_that_cannot_be_reached_is_not_asked_at_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    assert not hub.reachable()
    with pytest.raises(NotFound):
        load("nobody/has-this")


_TWO = """
import sys, threading
from llmagentos.drivers.inference.library import parts
start, failures = threading.Barrier(8), []
def ask():
    start.wait()
    try:
        parts("AutoConfig", "AutoModelForCausalLM", "AutoTokenizer")
    except Exception as error:
        failures.append(str(error))
sys.setswitchinterval(1e-5)
threads = [threading.Thread(target=ask) for _ in range(8)]
for one in threads: one.start()
for one in threads: one.join()
sys.exit("; ".join(failures) or None)
"""


def test_models_that_load_at_once_find_the_library_whole() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _TWO], capture_output=True, text=True, timeout=120, check=False
    )
    assert not done.returncode, done.stderr
