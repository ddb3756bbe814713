"""What a model computes on is what was asked for, or refused by name."""

from __future__ import annotations

import gc

import pytest
import torch

from llmagentos.drivers.inference.local.processor import (
    available,
    batch,
    chosen,
    settle,
    stir,
    usual,
)
from llmagentos.syscalls.errors import InvalidArgument


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


def test_a_processor_is_chosen_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert chosen("auto").type == chosen("cpu").type == "cpu"
    with pytest.raises(InvalidArgument, match="cuda: torch finds 0 of them"):
        chosen("cuda")


@pytest.mark.usefixtures("gpus")
def test_a_gpu_is_chosen_where_there_is_one_or_by_its_number() -> None:
    assert chosen("auto") == chosen("cuda") == torch.device("cuda", 0)
    assert chosen("cuda:1") == torch.device("cuda", 1) and chosen("cpu").type == "cpu"
    with pytest.raises(InvalidArgument, match="cuda:2: torch finds 2 of them"):
        chosen("cuda:2")


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:-1", "cuda:one", "mps"])
def test_what_is_no_device_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="one of auto, cpu, cuda and cuda:N"):
        chosen(name)


def test_a_gpu_computes_in_16_bits_unless_told_otherwise_and_never_in_integers() -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda", 0)
    assert (usual(cpu, None), usual(gpu, None)) == ("float32", "bfloat16")
    assert usual(cpu, "int8") == "int8" and usual(gpu, "float32") == "float32"
    with pytest.raises(InvalidArgument, match="int8 is the processor's"):
        usual(gpu, "int8")
    assert available(cpu) > 0


def test_a_gpu_computes_more_at_once_than_a_processor() -> None:
    cpu, gpu = batch(torch.device("cpu")), batch(torch.device("cuda", 0))
    assert gpu.contexts > cpu.contexts and gpu.step > cpu.step and gpu.tokens > cpu.tokens


def test_what_is_loaded_is_not_looked_through_for_garbage_until_it_goes() -> None:
    settle()
    assert gc.get_freeze_count()
    stir()
    assert not gc.get_freeze_count()
