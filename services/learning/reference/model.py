"""The reference transformer as transformers' models: trained, saved and loaded like any of them.

It keeps no keys and values between steps: a text is read anew for each token that is written,
which is slow and plainly right.

Interface:
    ReferenceModel                          the encoder; with `is_decoder` a causal one
    ReferenceForMaskedLM                    with a head that says what stands at a place
    ReferenceForCausalLM                    with a head that says what comes next
    ReferenceForConditionalGeneration       encoder and decoder
    register                                let transformers' Auto classes know them
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    GenerationMixin,
    PreTrainedModel,
)
from transformers.modeling_outputs import BaseModelOutput, MaskedLMOutput, Seq2SeqLMOutput
from transformers.modeling_outputs import CausalLMOutput as CausalOutput

from .configuration import ReferenceConfig
from .stacks import Decoder, Embedding, Encoder


class ReferencePreTrainedModel(PreTrainedModel):
    """Weights are drawn from N(0, 1/width), so that what layers make is of about 1."""

    config_class = ReferenceConfig
    base_model_prefix = "model"


class ReferenceModel(ReferencePreTrainedModel):
    """Tokens to vectors: an encoder, or with `is_decoder` a decoder that has no encoder."""

    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__(config)
        self.embedding = Embedding(config)
        self.encoder = Encoder(config)
        self.post_init()

    def get_input_embeddings(self) -> Any:
        return self.embedding.tokens

    def set_input_embeddings(self, value: Any) -> None:
        self.embedding.tokens = value

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> Any:
        """input_ids and attention_mask [B, length] → last_hidden_state [B, length, width]."""
        hidden = self.encoder(self.embedding(input_ids), attention_mask)
        return BaseModelOutput(last_hidden_state=hidden)


class _Headed(ReferencePreTrainedModel):
    """A stack with a linear head that shares the embedding's matrix (3.4)."""

    _tied_weights_keys = {"lm_head.weight": "model.embedding.tokens.weight"}  # noqa: RUF012

    def __init__(self, config: ReferenceConfig) -> None:
        super().__init__(config)
        self.model = ReferenceModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_output_embeddings(self) -> Any:
        return self.lm_head

    def set_output_embeddings(self, value: nn.Linear) -> None:
        self.lm_head = value


class ReferenceForMaskedLM(_Headed):
    """Says which token stands at each place (Devlin et al. 2018, arXiv 1810.04805, 3.1)."""

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **_: Any,
    ) -> Any:
        """All [B, length]; a label of -100 does not count → logits [B, length, vocabulary]."""
        logits = self.lm_head(self.model(input_ids, attention_mask).last_hidden_state)
        return MaskedLMOutput(loss=_loss(logits, labels), logits=logits)


class ReferenceForCausalLM(_Headed, GenerationMixin):
    """Says which token comes after each one."""

    def __init__(self, config: ReferenceConfig) -> None:
        config.is_decoder = True
        super().__init__(config)

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, next_sequence_length: int | None = None, **kwargs: Any
    ) -> Any:
        """Let all that is written so far be read for the next token."""
        return super().prepare_inputs_for_generation(input_ids, **kwargs)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **_: Any,
    ) -> Any:
        """All [B, length], labels not shifted, -100 does not count → logits [B, length,
        vocabulary]."""
        logits = self.lm_head(self.model(input_ids, attention_mask).last_hidden_state)
        shifted = None if labels is None else labels[:, 1:]
        return CausalOutput(loss=_loss(logits[:, :-1], shifted), logits=logits)


class ReferenceForConditionalGeneration(ReferencePreTrainedModel, GenerationMixin):
    """Encoder and decoder, as the paper has them (3.1); both and the head share one embedding."""

    base_model_prefix = ""
    main_input_name = "input_ids"
    _tied_weights_keys = {"lm_head.weight": "encoder.embedding.tokens.weight"}  # noqa: RUF012

    def __init__(self, config: ReferenceConfig) -> None:
        config.is_encoder_decoder = True
        super().__init__(config)
        self.encoder = ReferenceModel(config)
        self.decoder = Decoder(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> Any:
        return self.encoder.get_input_embeddings()

    def set_input_embeddings(self, value: Any) -> None:
        self.encoder.set_input_embeddings(value)

    def get_output_embeddings(self) -> Any:
        return self.lm_head

    def get_encoder(self, *_: Any, **__: Any) -> Any:
        return self.encoder

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        """Shift labels [B, new] to the right; the first token is the start's."""
        before = labels.new_full(labels.shape, self.config.decoder_start_token_id)
        before[:, 1:] = labels[:, :-1].masked_fill(labels[:, :-1] == -100, self.config.pad_token_id)
        return before

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, next_sequence_length: int | None = None, **kwargs: Any
    ) -> Any:
        """Let all that is written so far be read for the next token."""
        return super().prepare_inputs_for_generation(input_ids, **kwargs)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        encoder_outputs: Any = None,
        **_: Any,
    ) -> Any:
        """input_ids and attention_mask [B, read], the decoder's and labels [B, new]; without
        decoder_input_ids they are the labels, shifted → logits [B, new, vocabulary]."""
        if encoder_outputs is None:
            encoder_outputs = self.encoder(input_ids, attention_mask)
        if decoder_input_ids is None:
            if labels is None:
                raise ValueError("it takes decoder_input_ids or labels")
            decoder_input_ids = self.prepare_decoder_input_ids_from_labels(labels)
        hidden = self.decoder(
            self.encoder.embedding(decoder_input_ids),
            encoder_outputs[0],
            decoder_attention_mask,
            attention_mask,
        )
        logits = self.lm_head(hidden)
        return Seq2SeqLMOutput(
            loss=_loss(logits, labels),
            logits=logits,
            encoder_last_hidden_state=encoder_outputs[0],
        )


def _loss(logits: Tensor, labels: Tensor | None) -> Tensor | None:
    if labels is None:
        return None
    return cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=-100)


def register() -> None:
    """Let `AutoConfig`, `AutoModel` and its siblings know the architecture `reference`."""
    AutoConfig.register("reference", ReferenceConfig, exist_ok=True)
    for auto, model in (
        (AutoModel, ReferenceModel),
        (AutoModelForMaskedLM, ReferenceForMaskedLM),
        (AutoModelForCausalLM, ReferenceForCausalLM),
        (AutoModelForSeq2SeqLM, ReferenceForConditionalGeneration),
    ):
        auto.register(ReferenceConfig, model, exist_ok=True)


__all__ = [
    "ReferenceForCausalLM",
    "ReferenceForConditionalGeneration",
    "ReferenceForMaskedLM",
    "ReferenceModel",
    "register",
]
