"""The tokenizer: a string is the same tokens wherever it stands.

Words, capitals, single digits, spaces and single signs are cut apart before any merge,
and the fixed parts of a tool call are cut off as wholes, so that quotes and braces
around a copied string never change its tokens.  Merges are learnt from the words of the
grammar, never from entities: a name is a few short pieces, unknown signs are bytes.

Interface:
    train_tokenizer     learns the merges; returns a transformers tokenizer
    CHAT_TEMPLATE       the Jinja template that it carries
"""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import Any

from .phrasing import PRODUCTIONS
from .sampler import TALK
from .tasks import REFUSAL
from .wording import AFFIXES, GRAMMAR
from .world import DISTRACTORS, SIGNATURES

__all__ = ["CHAT_TEMPLATE", "END", "PAD", "START", "train_tokenizer"]

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
_SPECIAL = (PAD, START, END)
_MARKS = ("<tool_call>", "</tool_call>")

#: parts of a tool call that are one token each
_SCAFFOLD = ('{"name": "', '", "arguments": {"', '", "arguments": {}}', '"}}', '": "', '", "')

CHAT_TEMPLATE = """\
{%- set first = messages[0] if messages else none -%}
{%- set system = first.content if first and first.role == 'system' else '' -%}
{%- if system or tools -%}
{{- '<|im_start|>system\\n' + (system or '') -}}
{%- if tools -%}
{{- ('\\n' if system else '') + 'Tools:' -}}
{%- for tool in tools -%}{{- ' ' + (tool.function or tool).name -}}{%- endfor -%}
{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- endif -%}
{%- for message in messages -%}
{%- if not (loop.first and message.role == 'system') -%}
{{- '<|im_start|>' + message.role + '\\n' + (message.content or '') -}}
{%- for call in message.tool_calls or [] -%}
{%- set function = call.function or call -%}
{%- set arguments = function.arguments -%}
{{- '<tool_call>{"name": "' + function.name + '", "arguments": ' -}}
{{- (arguments if arguments is string else arguments | tojson) + '}</tool_call>' -}}
{%- endfor -%}
{{- '<|im_end|>\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""

_ANSWERS = (
    "Stored as. Wrote to. Deleted. Renamed to. The answer is. The keys are. The files are. "
    "It is says. There is nothing stored under. There is no file. That failed. The memory is "
    "empty. There are no files. and wrote it to not found stored deleted written empty "
    "system user assistant tool Tools error division by zero not an arithmetic expression"
)


def _corpus(seed: int, samples: int) -> Counter[str]:
    """Words of the grammar and of fixed sentences, with how often they occur."""
    rng = random.Random(seed)
    likely = [production.weight for production in PRODUCTIONS]
    words: Counter[str] = Counter()
    for production in rng.choices(PRODUCTIONS, weights=likely, k=samples):
        text = GRAMMAR.expand(production.text, rng)
        affixes = " ".join(GRAMMAR.expand(affix, rng) for affix in AFFIXES[production.mood])
        text = re.sub(r"\{\w+\}", " ", f"{text} {affixes}")
        words.update(re.findall(r"[A-Z]?[a-z]+", text))
        words.update(word.capitalize() for word in re.findall(r"^[a-z]+", text))
    fixed = " ".join([_ANSWERS, REFUSAL, *TALK.values(), *SIGNATURES, *DISTRACTORS])
    fixed += " " + " ".join(name for names in SIGNATURES.values() for name in names)
    for word in re.findall(r"[A-Z]?[a-z]+", fixed):
        words[word] += samples // 10
    for part in _SCAFFOLD:
        words[part] += samples
    return words


def train_tokenizer(*, vocabulary_size: int = 2048, seed: int = 0, samples: int = 20_000) -> Any:
    """A `PreTrainedTokenizerFast` with the chat template; deterministic by seed.

    The most frequent words of the grammar are one token each; every other string is spelt in
    single bytes, so that copying a name that was never seen uses tokens that were seen often.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    counts = sorted(_corpus(seed, samples).items(), key=lambda item: (-item[1], item[0]))
    room = vocabulary_size - len(alphabet) - len(_SPECIAL) - len(_MARKS)
    words = [word.replace(" ", "\u0120") for word, _ in counts if len(word) > 1][:room]
    names = [*_SPECIAL, *alphabet, *words]
    vocabulary = {name: number for number, name in enumerate(names)}
    # Without merges a word is either in the vocabulary as a whole or falls apart into bytes.
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    pattern = "|".join([*map(re.escape, _SCAFFOLD), r"[A-Z]?[a-z]+", r"[A-Z]", r"\d", r"\s", "."])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern.replace("\\ ", " ")), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(_SPECIAL))
    tokenizer.add_tokens([AddedToken(m, special=False, normalized=False) for m in _MARKS])
    wrap: Any = PreTrainedTokenizerFast
    return wrap(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
    )
