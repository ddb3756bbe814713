"""`/v1/embeddings`.

Interface:
    EmbeddingRequest    what is asked
    embed               the answer
"""

from __future__ import annotations

import base64
import sys
from array import array
from typing import Annotated, Any, Literal

from fastapi.responses import JSONResponse, Response
from pydantic import Field

from ....syscalls.errors import NotFound
from .body import Asked
from .caller import Caller
from .refusal import Refusal

#: Texts of one request, as many as OpenAI takes, and of one call.
MOST, AT_ONCE = 2048, 256


class EmbeddingRequest(Asked):
    """What is asked."""

    input: str | Annotated[list[str], Field(min_length=1, max_length=MOST)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None


async def embed(request: EmbeddingRequest, caller: Caller, model: str | None) -> Response:
    """Answer one request. Raises `Refusal` or whatever its calls end in."""
    texts = [request.input] if isinstance(request.input, str) else request.input
    if not all(texts):
        raise Refusal("input holds an empty text", param="input")
    if model is not None:
        # `model.embed` goes to a sentence model, else to the chosen device, the first one: no other
        # name must pass.
        known = await caller.ls()
        able = [one for one in known if "sentences" in one.flags] or known[:1]
        if not any(model in (one.name, one.target) for one in able):
            raise NotFound(f"the model {model!r} makes no embeddings here")
    vectors: list[list[float]] = []
    read, name = 0, request.model
    for start in range(0, len(texts), AT_ONCE):
        found = await caller.embed(texts[start : start + AT_ONCE])
        vectors += found.vectors
        read, name = read + found.usage.input_tokens, found.model
    if request.dimensions not in (None, len(vectors[0])):
        raise Refusal.unsupported("dimensions", f"the model's vectors have {len(vectors[0])}")
    write = _base64 if request.encoding_format == "base64" else list
    return JSONResponse(
        {
            "object": "list",
            "data": [
                {"object": "embedding", "index": place, "embedding": write(vector)}
                for place, vector in enumerate(vectors)
            ],
            "model": name,
            "usage": {"prompt_tokens": read, "total_tokens": read},
        }
    )


def _base64(vector: list[float]) -> Any:
    """Return a vector's numbers of 32 bits, the low byte first."""
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()
