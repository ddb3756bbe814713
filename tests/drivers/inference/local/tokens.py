"""Tokenizers of the kinds that models bring, and replies written by chance."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from llmagentos.drivers.inference.contract import Sampling
from llmagentos.drivers.inference.local.decoder import Decoder
from llmagentos.drivers.inference.local.matcher import Matcher
from llmagentos.drivers.inference.local.sampler import Sampler
from llmagentos.drivers.inference.local.vocabulary import Vocabulary

#: Pieces of the tokenizers made here; some of them go beyond a mark, a string or a space.
PIECES = [
    "{", "}", "[", "]", '"', ":", ",", " ", "a", "b", "ab", "true", "null", "0", "1", "12", "-",
    ' {', ' "', '": ', '", "', '"}', '}}', "name", "arguments", '{"name": "', "<tool_call>",
    "</tool_call>", "<tool", "_call>", "_call", '>{"', ">x", "><", "<", ">", "é", "日本", "\n",
    ">\n",
]  # fmt: skip


def embedded() -> Any:
    """The embedded model's own: byte level, a tool call's marks are one token each."""
    folder = files("llmagentos.drivers.inference") / "embedded"
    return AutoTokenizer.from_pretrained(str(folder), local_files_only=True)


def byte_level() -> Any:
    """GPT-2's kind: bytes written as printable characters."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    write = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    pieces = [write.pre_tokenize_str(one)[0][0] for one in PIECES]
    return _finish([*alphabet, *pieces], decoders.ByteLevel(), write, None)


def sentencepiece() -> Any:
    """Llama 2's kind: spaces are a sign, unknown characters bytes, the first space is left out."""
    decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    names = [f"<0x{n:02X}>" for n in range(256)]
    normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return _finish([*names, *_spaced()], decoder, None, normalizer)


def metaspace() -> Any:
    """T5's kind: spaces are a sign, other characters than the known ones cannot be written."""
    names = sorted({*_spaced(), *map(chr, range(33, 127))})
    return _finish(names, decoders.Metaspace(), pre_tokenizers.Metaspace(), None)


def _spaced() -> list[str]:
    return [one.replace(" ", "▁") for one in PIECES]


def _finish(names: list[str], decoder: Any, pre_tokenizer: Any, normalizer: Any) -> Any:
    marks = ["<unk>", "<s>", "</s>"]
    vocabulary = {one: n for n, one in enumerate(dict.fromkeys([*marks, *names]))}
    model = models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>", ignore_merges=True)
    model.byte_fallback = "<0x00>" in vocabulary
    made = Tokenizer(model)
    made.decoder = decoder
    if pre_tokenizer is not None:
        made.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        made.normalizer = normalizer
    made.add_special_tokens([AddedToken(one, special=True, normalized=False) for one in marks])
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="</s>", bos_token="<s>")


class Author:
    """Writes replies with a model that knows nothing, but comes to an end."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.vocabulary = Vocabulary(tokenizer)
        self.size = len(self.vocabulary.tokens)
        #: First of all comes the end, then what ends JSON's strings, then what ends the rest.
        self._closing = torch.zeros(self.size)
        self._closing[list(self.vocabulary.ends)] = 70.0
        self._json = self._closing.clone()
        for token, text in enumerate(self.vocabulary.tokens):
            self._json[token] += {b'"': 60.0, b"}": 50.0, b"]": 50.0}.get(text, 0.0)

    def logits(self, source: torch.Generator, step: int = 0, json: bool = True) -> Tensor:
        logits = torch.randn(self.size, generator=source) * 3
        return logits + (self._json if json else self._closing) if step >= 30 else logits

    def write(
        self, matcher: Matcher, seed: int, begun: str = "", json: bool = True, **changes: Any
    ) -> list[int]:
        """Return a reply's tokens without the one that ends it, behind a given beginning."""
        source = torch.Generator().manual_seed(seed)
        tokens = self.tokenizer.encode(begun, add_special_tokens=False) if begun else []
        for token in tokens:
            assert matcher.allows(token)
            matcher.accept(token)
        sampler = Sampler(Sampling(seed=seed, **changes), tokens, matcher)
        for step in range(600):
            if sampler.done:
                return tokens
            logits = self.logits(source, step, json)
            token = sampler.pick(logits, int(logits.argmax()))
            if token in self.vocabulary.ends:
                return tokens
            tokens.append(token)
        raise AssertionError(f"no end: {self.text(tokens)}")

    def text(self, tokens: list[int]) -> str:
        """Return what the device shows."""
        decoder = Decoder(
            lambda some: str(
                self.tokenizer.decode(
                    some, skip_special_tokens=True, clean_up_tokenization_spaces=False
                )
            )
        )
        return "".join(map(decoder.feed, tokens)) + decoder.end()
