"""A model's card as a file beside its weights, and the card of the model that is shipped.

Interface:
    CARD            the file's name
    read, write     a card in a folder
    shipped         the embedded model's card; `SHIPPED` is its folder
"""

from __future__ import annotations

import os
from functools import cache
from hashlib import blake2b
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ...syscalls.errors import InvalidArgument, TooBig
from ...syscalls.learning import ModelCard
from .weights import measure, settings

CARD, EMBEDDED = "card.json", "embedded"
SHIPPED = Path(__file__).parents[2] / "drivers/inference/embedded"
#: Bytes of a card.
LARGEST = 4 * 2**20
_CARDS = TypeAdapter(ModelCard)


def read(folder: Path) -> ModelCard | None:
    """Return the card of a folder; None where there is none that can be read."""
    try:
        return _CARDS.validate_json((folder / CARD).read_bytes())
    except (OSError, ValidationError):
        return None


def write(folder: Path, card: ModelCard) -> None:
    """Put a card into a folder in place of the one that is there, so that a crash leaves either.

    Raises `InvalidArgument` for what JSON cannot carry, `TooBig` and `OSError`.
    """
    try:
        data = _CARDS.dump_json(card, indent=2)
    except (ValueError, TypeError) as error:
        raise InvalidArgument(f"a card holds what JSON can carry: {error}") from None
    if len(data) > LARGEST:
        raise TooBig(f"a card has at most {LARGEST} bytes")
    replace(folder / CARD, data)


def replace(file: Path, data: bytes) -> None:
    """Write a file as a whole, in place of what stood there. Raises `OSError`."""
    fresh = file.with_name(f".{file.name}")
    with fresh.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)


@cache
def shipped() -> ModelCard:
    """Return the embedded model's card, from the report of its training."""
    report = settings(SHIPPED / "report.json")
    weights = SHIPPED / "model.safetensors"
    suites = report.get("evaluation", {}).get("suites", {})
    return ModelCard(
        name=EMBEDDED,
        target=EMBEDDED,
        kind="causal",
        parent=None,
        job=None,
        recipe=report.get("training", {}).get("plan", {}),
        data={"tokens": report.get("training", {}).get("tokens")},
        scores={name: suite["success"] for name, suite in suites.items() if "success" in suite},
        parameters=measure(SHIPPED, "causal"),
        version=blake2b(weights.read_bytes(), digest_size=16).hexdigest(),
        created=weights.stat().st_mtime,
    )
