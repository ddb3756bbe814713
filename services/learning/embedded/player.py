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

    def text(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
        """The raw continuation of a conversation, without its end mark."""
        prompt: list[int] = self._tokenizer.apply_chat_template(
            messages, tools=tools or None, add_generation_prompt=True, tokenize=True
        )["input_ids"]
        with self._torch.inference_mode():
            out = self._model.generate(
                self._torch.tensor([prompt]),
                attention_mask=self._torch.ones(1, len(prompt), dtype=self._torch.long),
                max_new_tokens=self._limit,
                do_sample=False,
            )
        ids: list[int] = out[0, len(prompt) :].tolist()
        if ids and ids[-1] == self._tokenizer.eos_token_id:
            ids.pop()
        decoded: str = self._tokenizer.decode(ids)
        return decoded

    async def chat(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> Mapping[str, Any]:
        """As `solve.Chat`."""
        content, calls = parse_reply(self.text(messages, tools))
        return {"role": "assistant", "content": content, "tool_calls": calls}
