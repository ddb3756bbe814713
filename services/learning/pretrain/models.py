"""Models of a recipe's sizes, and models to go on from.

Interface:
    build       a new model with random weights
    load        a parent, for an objective
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ....syscalls.errors import InvalidArgument
from .recipe import FITTING, ModelPart

#: Of transformers, what a parent of each objective is loaded by.
_AUTO = {
    "causal": "AutoModelForCausalLM",
    "masked": "AutoModelForMaskedLM",
    "masked+next": "AutoModelForPreTraining",
    "denoise": "AutoModelForSeq2SeqLM",
}


def build(part: ModelPart, objective: str, tokenizer: Any) -> Any:
    """Return a new model. Raises `InvalidArgument` for sizes that transformers refuses."""
    import transformers

    name = part.architecture or FITTING[objective][0]
    special = {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    try:
        if name == "reference":
            return _reference(part, objective, special)
        config, model = _NEW[name]
        sizes = {**special, **config(part), **part.options}
        if objective == "masked" and name == "bert":
            model = "BertForMaskedLM"
        kind = getattr(transformers, model)
        return kind(kind.config_class(**sizes))
    except (TypeError, ValueError, AssertionError, AttributeError) as error:
        raise InvalidArgument(f"model: {name} refuses these sizes: {error}") from error


def load(folder: Path, objective: str) -> tuple[Any, Any]:
    """Return a parent's model and tokenizer. Raises `InvalidArgument` for one that cannot learn
    by an objective."""
    import transformers

    from ..reference.model import register

    register()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        kind = getattr(transformers, _AUTO[objective])
        model = kind.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InvalidArgument(f"the parent cannot learn by {objective}: {reason}") from error
    needs = ("mask_token_id",) if objective.startswith("masked") else ("eos_token_id",)
    if objective == "masked+next" and not hasattr(model.config, "type_vocab_size"):
        raise InvalidArgument("the parent cannot tell two texts apart, as masked+next needs")
    if any(getattr(tokenizer, one) is None for one in needs):
        raise InvalidArgument(f"the parent's tokenizer has no {needs[0].removesuffix('_id')}")
    return model, tokenizer


def _inner(part: ModelPart) -> int:
    return part.feedforward or 4 * part.hidden


def _llama(part: ModelPart) -> Mapping[str, Any]:
    return {
        "hidden_size": part.hidden,
        "num_hidden_layers": part.layers,
        "num_attention_heads": part.heads,
        "num_key_value_heads": part.heads,
        "intermediate_size": _inner(part),
        "max_position_embeddings": part.length,
        "attention_dropout": part.dropout,
        "tie_word_embeddings": True,
    }


def _gpt2(part: ModelPart) -> Mapping[str, Any]:
    return {
        "n_embd": part.hidden,
        "n_layer": part.layers,
        "n_head": part.heads,
        "n_inner": _inner(part),
        "n_positions": part.length,
        "resid_pdrop": part.dropout,
        "embd_pdrop": part.dropout,
        "attn_pdrop": part.dropout,
    }


def _bert(part: ModelPart) -> Mapping[str, Any]:
    return {
        "hidden_size": part.hidden,
        "num_hidden_layers": part.layers,
        "num_attention_heads": part.heads,
        "intermediate_size": _inner(part),
        "max_position_embeddings": part.length,
        "hidden_dropout_prob": part.dropout,
        "attention_probs_dropout_prob": part.dropout,
    }


def _modernbert(part: ModelPart) -> Mapping[str, Any]:
    return {
        "hidden_size": part.hidden,
        "num_hidden_layers": part.layers,
        "num_attention_heads": part.heads,
        "intermediate_size": _inner(part),
        "max_position_embeddings": part.length,
        "embedding_dropout": part.dropout,
        "mlp_dropout": part.dropout,
        "attention_dropout": part.dropout,
        "cls_token_id": 1,
        "sep_token_id": 2,
        # Of tokens that are not hidden nothing is asked: half of the time is saved.
        "sparse_prediction": True,
    }


def _t5(part: ModelPart) -> Mapping[str, Any]:
    return {
        "d_model": part.hidden,
        "num_layers": part.layers,
        "num_heads": part.heads,
        "d_kv": part.hidden // part.heads,
        "d_ff": _inner(part),
        "dropout_rate": part.dropout,
        "decoder_start_token_id": 0,
    }


def _bart(part: ModelPart) -> Mapping[str, Any]:
    return {
        "d_model": part.hidden,
        "encoder_layers": part.layers,
        "decoder_layers": part.layers,
        "encoder_attention_heads": part.heads,
        "decoder_attention_heads": part.heads,
        "encoder_ffn_dim": _inner(part),
        "decoder_ffn_dim": _inner(part),
        "max_position_embeddings": part.length + 2,
        "dropout": part.dropout,
        "decoder_start_token_id": 2,
        "forced_eos_token_id": 2,
    }


#: Of each architecture its sizes in its own words, and transformers' class.
_NEW: Mapping[str, tuple[Callable[[ModelPart], Mapping[str, Any]], str]] = {
    "llama": (_llama, "LlamaForCausalLM"),
    "gpt2": (_gpt2, "GPT2LMHeadModel"),
    "bert": (_bert, "BertForPreTraining"),
    "modernbert": (_modernbert, "ModernBertForMaskedLM"),
    "t5": (_t5, "T5ForConditionalGeneration"),
    "bart": (_bart, "BartForConditionalGeneration"),
}


def _reference(part: ModelPart, objective: str, special: Mapping[str, Any]) -> Any:
    from ..reference import model
    from ..reference.configuration import ReferenceConfig

    kind = {
        "causal": model.ReferenceForCausalLM,
        "masked": model.ReferenceForMaskedLM,
        "denoise": model.ReferenceForConditionalGeneration,
    }[objective]
    return kind(
        ReferenceConfig(
            **special,
            hidden_size=part.hidden,
            num_hidden_layers=part.layers,
            num_attention_heads=part.heads,
            intermediate_size=_inner(part),
            max_position_embeddings=part.length,
            dropout=part.dropout,
            **part.options,
        )
    )
