"""The `[training]` part of a recipe: how a model is trained, whatever it is.

Interface:
    TrainingSettings    checked settings
    Part                the base of every checked part of a recipe
    check               a part of a recipe, or the error that says what is wrong with it
    own                 what a kind of job reads of its file
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ....syscalls.errors import InvalidArgument
from ....syscalls.reason import reason

P = TypeVar("P", bound="Part")
#: What the kernel and the job's process read of a file, whatever kind it is of.
_OTHERS = frozenset(
    {"runtime", "name", "description", "capabilities", "budget", "durable", "in_doubt"}
)


class Part(BaseModel):
    """A part of a recipe: a key that nobody knows is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TrainingSettings(Part):
    """How a model is trained."""

    #: Changes of the weights.
    steps: int = Field(default=200, ge=1, le=10_000_000)
    #: Examples that are worked on at once, and how many times that many make one step.
    batch: int = Field(default=8, ge=1, le=4096)
    accumulate: int = Field(default=1, ge=1, le=4096)
    #: The highest learning rate, the share of the steps in which it is reached, and its way after.
    rate: float = Field(default=1e-3, gt=0, le=10)
    warmup: float = Field(default=0.05, ge=0, le=1)
    schedule: Literal["linear", "cosine", "constant"] = "cosine"
    #: Of AdamW.
    weight_decay: float = Field(default=0.01, ge=0, le=1)
    #: The longest gradient; a longer one is made as short.
    clip: float = Field(default=1.0, gt=0)
    seed: int = Field(default=0, ge=0, lt=2**32)
    threads: int = Field(default=1, ge=1, le=256)
    #: Steps between two checkpoints, and two looks at held-out data.
    checkpoint_every: int = Field(default=50, ge=1)
    evaluate_every: int = Field(default=50, ge=1)
    #: Which weights the model ends with: those that did best on held-out data, or the last ones.
    keep: Literal["best", "last"] = "best"
    #: Looks at held-out data that find nothing better, after which training ends before its steps
    #: are done; never where it is not given.
    patience: int | None = Field(default=None, ge=1)
    precision: Literal["float32", "bfloat16"] = "float32"


def own(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a kind of job reads of its file: all but what every file of a job may say."""
    return {key: value for key, value in recipe.items() if key not in _OTHERS}


def check(kind: type[P], part: Any, where: str) -> P:
    """Return a part of a recipe. `where` names it: `pretrain.toml: [training]`.

    Raises `InvalidArgument` that names the first key that is wrong and what is expected there.
    """
    if not isinstance(part, Mapping):
        raise InvalidArgument(f"{where} is to be a table, not {part!r}")
    try:
        return kind.model_validate(dict(part))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        if first["type"] == "extra_forbidden":
            key, known = ".".join(map(str, first["loc"])), _known(kind, first["loc"][:-1])
            raise InvalidArgument(f"{where} knows no {key}{known}") from None
        # What does not fit together is said by the rule itself.
        told = first["type"] in ("missing", "value_error")
        given = "" if told else f", not {first['input']!r}"
        raise InvalidArgument(
            f"{where}{' ' if first['loc'] else ': '}{reason(error)}{given}"
        ) from None


def _known(kind: Any, path: tuple[int | str, ...]) -> str:
    """Return what the part at a path may say, unless parts of several kinds may stand there."""
    for key in path:
        field = getattr(kind, "model_fields", {}).get(key)
        kind = field and field.annotation
    if not (isinstance(kind, type) and issubclass(kind, Part)):
        return ""
    return f"; it knows {', '.join(sorted(kind.model_fields))}"
