"""Log-probabilities of tokens, as chat completions, responses and completions give them.

Interface:
    tokens          the object of chat completions
    entries         the list in it, which responses give as it is
    columns         the columns of completions
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....syscalls.model import Alternative, TokenLogprob


def tokens(found: Sequence[TokenLogprob] | None) -> dict[str, Any] | None:
    """Return what chat completions call `logprobs`."""
    return None if found is None else {"content": entries(found), "refusal": None}


def entries(found: Sequence[TokenLogprob]) -> list[dict[str, Any]]:
    """Return one entry for each token, with its alternatives."""
    return [{**_entry(one), "top_logprobs": [_entry(other) for other in one.top]} for one in found]


def columns(found: Sequence[TokenLogprob], offset: int) -> dict[str, Any]:
    """Return tokens, their log-probabilities and places in a text; the first one's is `offset`."""
    offsets = []
    for one in found:
        offsets.append(offset)
        offset += len(one.token)
    return {
        "tokens": [one.token for one in found],
        "token_logprobs": [one.logprob for one in found],
        "top_logprobs": [{other.token: other.logprob for other in one.top} for one in found],
        "text_offset": offsets,
    }


def _entry(one: TokenLogprob | Alternative) -> dict[str, Any]:
    return {
        "token": one.token,
        "logprob": one.logprob,
        "bytes": list(one.token.encode(errors="surrogatepass")),
    }
