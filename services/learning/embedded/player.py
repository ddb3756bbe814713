"""A saved model, asked greedily in this process.

Interface:
    Player          loads a folder; `chat` is a `solve.Chat`
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .replies import parse_reply

__all__ = ["Player"]


class Player:
    """Owns one model and its tokenizer."""

    def __init__(self, folder: Path, *, limit: int = 256) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        if not (folder / "config.json").is_file():
            raise FileNotFoundError(f"there is no model in {folder}")
        self._torch = torch
        self._limit = limit
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32
        )
        self._model = model.eval()
        #: Tokens that were read and written.
        self.read = self.written = 0

    def text(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
        """The raw continuation of a conversation, without its end mark."""
        prompt: list[int] = self._tokenizer.apply_chat_template(
            messages, tools=tools or None, add_generation_prompt=True, tokenize=True
        )["input_ids"]
        self.read += len(prompt)
        ids: list[int] = []
        fed, cache = self._torch.tensor([prompt]), None
        with self._torch.inference_mode():
            while len(ids) < self._limit:
                out = self._model(
                    input_ids=fed, past_key_values=cache, use_cache=True, logits_to_keep=1
                )
                cache = out.past_key_values
                new = int(out.logits[0, -1].argmax())
                self.written += 1
                if new == self._tokenizer.eos_token_id:
                    break
                ids.append(new)
                fed = self._torch.tensor([[new]])
        decoded: str = self._tokenizer.decode(ids)
        return decoded

    async def chat(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> Mapping[str, Any]:
        """As `solve.Chat`."""
        content, calls = parse_reply(self.text(messages, tools))
        return {"role": "assistant", "content": content, "tool_calls": calls}
