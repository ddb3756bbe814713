"""The process with the models: pixels and samples in, what they show and say out.

Interface:
    Captioner       what an image shows, by any vision model of transformers that writes
    Transcriber     what is said, by a Whisper
    python -m llmagentos.drivers.perception.models      that process, on its standard streams
"""

from __future__ import annotations

import os
import sys
from typing import Any, BinaryIO

from ...syscalls.codec import pack, unpack
from .describer import PREFIX

#: Tokens of a caption and of a part of speech, and what models that chat are asked.
CAPTION, SPEECH = 60, 400
QUESTION = "Describe this image in one sentence."
RATE = 16_000


class Captioner:
    """A vision model that writes: BLIP, GIT, an encoder with a decoder, or one that chats."""

    def __init__(self, name: str) -> None:
        """Raises OSError and ValueError for what is no such model."""
        import transformers

        library: Any = transformers
        self._processor = library.AutoProcessor.from_pretrained(name)
        self._model = library.AutoModelForImageTextToText.from_pretrained(name).eval()

    def describe(self, pixels: bytes, size: list[int]) -> str:
        """Return what an image shows; three bytes a pixel, row by row."""
        import torch
        from PIL import Image

        image = Image.frombytes("RGB", (size[0], size[1]), pixels)
        with torch.inference_mode():
            inputs = self._inputs(image)
            tokens = self._model.generate(**inputs, max_new_tokens=CAPTION, do_sample=False)
        # Some models repeat what they were asked.
        asked = inputs["input_ids"].shape[1] if "input_ids" in inputs else 0
        if asked and tokens[0, :asked].tolist() == inputs["input_ids"][0].tolist():
            tokens = tokens[:, asked:]
        text: str = self._processor.decode(tokens[0], skip_special_tokens=True)
        return " ".join(text.split())

    def _inputs(self, image: Any) -> Any:
        if getattr(self._processor, "chat_template", None):
            asked = [{"type": "image", "image": image}, {"type": "text", "text": QUESTION}]
            return self._processor.apply_chat_template(
                [{"role": "user", "content": asked}],
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
            )
        return self._processor(images=image, return_tensors="pt")


class Transcriber:
    """A Whisper."""

    def __init__(self, name: str) -> None:
        """Raises OSError and ValueError for what is no such model."""
        import transformers

        library: Any = transformers
        self._processor = library.AutoProcessor.from_pretrained(name)
        self._model = library.WhisperForConditionalGeneration.from_pretrained(name).eval()

    def write(self, samples: bytes) -> str:
        """Return what is said in at most 30 s of 16-bit samples, 16,000 a second."""
        import numpy as np
        import torch

        sound = np.frombuffer(samples, "<i2").astype(np.float32) / 32768
        with torch.inference_mode():
            inputs = self._processor(sound, sampling_rate=RATE, return_tensors="pt")
            room = self._model.config.max_target_positions - 8
            tokens = self._model.generate(
                inputs.input_features, max_new_tokens=min(SPEECH, room), do_sample=False
            )
        (text,) = self._processor.batch_decode(tokens, skip_special_tokens=True)
        return " ".join(text.split())


class _Models:
    """Both models, each or neither; an answer says what one cannot do."""

    def __init__(self) -> None:
        self._captioner: Captioner | str = "no model is named"
        self._transcriber: Transcriber | str = "no model is named"

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one message."""
        match message:
            case {"kind": "models", "captioner": captioner, "transcriber": transcriber}:
                if captioner:
                    self._captioner = _load(Captioner, captioner)
                if transcriber:
                    self._transcriber = _load(Transcriber, transcriber)
                return {"text": ""}
            case {"kind": "image", "pixels": bytes(pixels), "size": list(size)}:
                if isinstance(self._captioner, str):
                    return {"error": self._captioner}
                return {"text": self._captioner.describe(pixels, size)}
            case {"kind": "audio", "samples": bytes(samples)}:
                if isinstance(self._transcriber, str):
                    return {"error": self._transcriber}
                return {"text": self._transcriber.write(samples)}
        return {"error": "it is neither pixels nor samples"}


def _load(kind: Any, name: str) -> Any:
    try:
        return kind(name)
    except Exception as error:  # a folder of somebody's may hold anything
        return f"{name} cannot be loaded: {type(error).__name__}: {error}"[:500]


def main() -> None:
    """Answer what comes on standard input until it ends."""
    # What libraries print must not come between two answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    models = _Models()
    while (message := _next(sys.stdin.buffer)) is not None:
        try:
            answer = models.answer(message)
        except Exception as error:  # a model may raise anything about what it is shown
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        body = pack(answer)
        answers.write(PREFIX.pack(len(body)) + body)
        answers.flush()


def _next(stream: BinaryIO) -> dict[str, Any] | None:
    prefix = stream.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        return None
    found: dict[str, Any] = unpack(stream.read(PREFIX.unpack(prefix)[0]))
    return found


if __name__ == "__main__":
    main()
