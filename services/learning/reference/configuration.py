"""What the reference transformer is like, as transformers keeps it.

Interface:
    ReferenceConfig     sizes, in the names that transformers' models share
"""

from __future__ import annotations

from typing import Any

from transformers import PretrainedConfig


class ReferenceConfig(PretrainedConfig):
    """The sizes of a reference transformer; the base model of the paper has 512, 6, 8, 2048."""

    model_type = "reference"

    def __init__(
        self,
        vocab_size: int = 1024,
        hidden_size: int = 128,
        num_hidden_layers: int = 2,
        num_attention_heads: int = 4,
        intermediate_size: int | None = None,
        dropout: float = 0.1,
        norm_first: bool = True,
        max_position_embeddings: int = 512,
        is_decoder: bool = False,
        pad_token_id: int | None = 0,
        bos_token_id: int | None = None,
        eos_token_id: int | None = None,
        decoder_start_token_id: int | None = None,
        **more: Any,
    ) -> None:
        """The inner size of the feed-forward layers is four widths where it is not given. With
        `is_decoder`, tokens see only those before them."""
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size or 4 * hidden_size
        self.dropout = dropout
        self.norm_first = norm_first
        self.max_position_embeddings = max_position_embeddings
        self.is_decoder = is_decoder
        # Embeddings are multiplied by the root of the width (3.4), and are of about 1 after that.
        self.initializer_range = hidden_size**-0.5
        start = pad_token_id if decoder_start_token_id is None else decoder_start_token_id
        more.setdefault("use_cache", False)
        more.setdefault("tie_word_embeddings", True)
        more |= {"pad_token_id": pad_token_id, "is_decoder": is_decoder}
        more |= {"bos_token_id": bos_token_id, "eos_token_id": eos_token_id}
        more["decoder_start_token_id"] = start
        super().__init__(**more)
