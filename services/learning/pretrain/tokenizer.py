"""A tokenizer of a corpus's own: byte-level BPE, so that any text can be written.

Interface:
    learn       trains one
    encoder     text to token ids, without special ones
    SENTINELS   how many spans a text may miss
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .examples import Encode
from .recipe import TokenizerPart

#: Special tokens, in the order of their numbers.
SPECIAL = ("<pad>", "<s>", "</s>", "<mask>")
SENTINELS = 32
#: How a text is closed off for each objective, as a template of `tokenizers`.
_TEMPLATES = {
    "masked": ("<s> $A </s>", "<s> $A </s> $B:1 </s>:1"),
    "masked+next": ("<s> $A </s>", "<s> $A </s> $B:1 </s>:1"),
    "denoise": ("$A </s>", "$A </s> $B </s>"),
}


def learn(texts: Iterable[str], part: TokenizerPart, objective: str, length: int) -> Any:
    """Return transformers' fast tokenizer, trained on texts: at most `part.vocabulary` tokens, of
    which the special ones are the first."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    sentinels = [f"<extra_id_{number}>" for number in range(SENTINELS)]
    special = [*SPECIAL, *(sentinels if objective == "denoise" else [])]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    if part.lowercase:
        made.normalizer = normalizers.Lowercase()
    trainer = trainers.BpeTrainer(
        vocab_size=part.vocabulary,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    if objective in _TEMPLATES:
        single, pair = _TEMPLATES[objective]
        made.post_processor = TemplateProcessing(
            single=single,
            pair=pair,
            special_tokens=[(one, made.token_to_id(one)) for one in ("<s>", "</s>")],
        )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made,
        model_max_length=length,
        clean_up_tokenization_spaces=False,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        mask_token="<mask>",
        additional_special_tokens=sentinels if objective == "denoise" else [],
    )


def encoder(tokenizer: Any) -> Encode:
    """Return the way from text to token ids; that of `tokenizers` itself, ten times as fast."""
    inner = getattr(tokenizer, "backend_tokenizer", None)
    if inner is None:
        return lambda text: tokenizer.encode(text, add_special_tokens=False)
    inner.no_truncation()
    return lambda text: inner.encode(text, add_special_tokens=False).ids
