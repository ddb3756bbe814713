"""Models that look and listen: tiny ones without sense, saved here, loaded as any other."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import warnings
from pathlib import Path
from typing import Any

import pytest

from llmagentos.drivers.perception import describer as module
from llmagentos.drivers.perception.describer import Describer
from llmagentos.drivers.perception.models import Captioner, Transcriber
from llmagentos.drivers.perception.settings import Settings

pytestmark = pytest.mark.slow
IMAGE = {"kind": "image", "pixels": bytes(40 * 30 * 3), "size": [40, 30]}
SPEECH = {"kind": "audio", "samples": bytes(2 * 16_000)}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat"]


@pytest.fixture(scope="module")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A BLIP that says one word, whatever it is shown."""
    import torch
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipProcessor,
    )
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    folder = tmp_path_factory.mktemp("captioner")
    tokenizer = BertTokenizer(vocab={word: number for number, word in enumerate(WORDS)})
    images = BlipImageProcessorPil(size={"height": 32, "width": 32})
    BlipProcessor(images, tokenizer).save_pretrained(folder)
    small = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "projection_dim": 16,
    }  # fmt: skip
    text = small | {
        "vocab_size": len(WORDS), "encoder_hidden_size": 16, "max_position_embeddings": 80,
        "bos_token_id": 2, "sep_token_id": 3, "eos_token_id": 3, "pad_token_id": 0,
    }  # fmt: skip
    vision = small | {"image_size": 32, "patch_size": 16}
    model = BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=vision))
    with torch.no_grad():
        model.text_decoder.cls.predictions.bias[WORDS.index("cat")] = 100.0
    model.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def transcriber(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Whisper that says anything."""
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizer,
    )

    folder = tmp_path_factory.mktemp("transcriber")
    letters = [*map(chr, range(33, 127)), "Ġ"]
    special = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|transcribe|>",
               "<|notimestamps|>"]  # fmt: skip
    vocabulary = {one: number for number, one in enumerate([*letters, *special])}
    tokenizer = WhisperTokenizer(vocab=vocabulary, merges=[])
    WhisperProcessor(WhisperFeatureExtractor(feature_size=8), tokenizer).save_pretrained(folder)
    end, start = vocabulary["<|endoftext|>"], vocabulary["<|startoftranscript|>"]
    WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=len(vocabulary), num_mel_bins=8, d_model=16, encoder_layers=1,
            decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
            encoder_ffn_dim=16, decoder_ffn_dim=16, max_target_positions=32,
            bos_token_id=end, eos_token_id=end, pad_token_id=end, decoder_start_token_id=start,
            suppress_tokens=None, begin_suppress_tokens=None,
        )
    ).save_pretrained(folder)  # fmt: skip
    return str(folder)


def describe(*views: dict[str, Any], **settings: Any) -> list[tuple[str, str | None]]:
    async def whole() -> list[tuple[str, str | None]]:
        async with asyncio.TaskGroup() as tasks:
            describer = Describer(Settings(**settings), tasks)
            said = [await describer.describe(view) for view in views]
            await describer.close()
        return said

    return asyncio.run(whole())


def test_captioner_says_what_an_image_shows(captioner: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own
        said = Captioner(captioner).describe(IMAGE["pixels"], IMAGE["size"])
    assert set(said.split()) == {"cat"}


def test_transcriber_writes_down_what_is_said(transcriber: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own
        assert isinstance(Transcriber(transcriber).write(SPEECH["samples"]), str)


def test_process_with_both_models_answers(captioner: str, transcriber: str) -> None:
    shown, heard, damaged, again = describe(
        IMAGE, SPEECH, IMAGE | {"size": [40, 31]}, IMAGE,
        captioner=captioner, transcriber=transcriber,
    )  # fmt: skip
    assert set(shown[0].split()) == {"cat"} and shown[1] is None
    assert heard[1] is None
    assert damaged[0] == "" and damaged[1] is not None
    assert again == shown


def test_what_is_no_model_is_named_as_missing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nonsense"}))
    ((text, missing), (_, other)) = describe(IMAGE, SPEECH, captioner=str(tmp_path))
    assert text == "" and missing is not None and str(tmp_path) in missing
    assert other == "what is said: no model is named"


def test_models_are_loaded_for_those_who_come_later(captioner: str) -> None:
    """Whoever came first has waited enough, or has gone."""

    async def scene() -> None:
        async with asyncio.TaskGroup() as tasks:
            describer = Describer(Settings(captioner=captioner, patience=0.01), tasks)
            assert "being loaded" in str((await describer.describe(IMAGE))[1])
            describer._settings = Settings(captioner=captioner)
            gone = asyncio.create_task(describer.describe(IMAGE))
            await asyncio.sleep(0)
            gone.cancel()
            loading = describer._loading
            assert (await describer.describe(IMAGE))[1] is None and describer._loading is loading
            await describer.close()

    asyncio.run(scene())


def test_model_that_takes_too_long_is_ended_and_started_again(captioner: str) -> None:
    async def scene() -> None:
        async with asyncio.TaskGroup() as tasks:
            describer = Describer(Settings(captioner=captioner), tasks)
            first = await describer.describe(IMAGE)
            process = describer._process
            assert process is not None
            describer._settings = Settings(captioner=captioner, patience=0.05)
            os.kill(process.pid, signal.SIGSTOP)
            assert "took more than 0.05 s" in str((await describer.describe(IMAGE))[1])
            assert process.returncode == -signal.SIGKILL
            describer._settings = Settings(captioner=captioner)
            assert await describer.describe(IMAGE) == first
            await describer.close()

    asyncio.run(scene())


def test_process_that_breaks_down_is_started_again(captioner: str) -> None:
    async def scene() -> None:
        async with asyncio.TaskGroup() as tasks:
            describer = Describer(Settings(captioner=captioner), tasks)
            first = await describer.describe(IMAGE)
            assert describer._process is not None
            os.kill(describer._process.pid, signal.SIGSTOP)
            asking = asyncio.create_task(describer.describe(IMAGE))
            await asyncio.sleep(0)
            os.kill(describer._process.pid, signal.SIGKILL)
            text, missing = await asking
            assert text == "" and missing is not None and "broke down" in missing
            assert await describer.describe(IMAGE) == first
            await describer.close()

    asyncio.run(scene())


def test_loading_without_end_is_ended(captioner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOADING", 0.01)
    ((text, missing),) = describe(IMAGE, captioner=captioner)
    assert text == "" and missing is not None and "not loaded" in missing
