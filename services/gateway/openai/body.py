"""Bodies of requests: what is not known is ignored, what is of the wrong type is refused.

Interface:
    Body            the base of whatever a client sends
    Asked           a request for a model
    Sampled         a request with the fields that say how a reply is drawn
    parse           a body from plain values
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ....syscalls.model import MaxTokens, Penalty, Repetition, Share, Temperature, TopK
from .refusal import Refusal

B = TypeVar("B", bound="Body")
#: Stop texts of one request.
STOPS = 16
#: Seeds that follow on a request's own, where it wants several replies.
SEEDS = 1024
#: OpenAI takes a `top_p` of 0, at which the likeliest token is left; a syscall wants more than 0.
_LEAST = 1e-9


class Body(BaseModel):
    """Something that a client has sent."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)
    #: Fields that OpenAI has and that nothing here does anything with that could be left out.
    unsupported: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _supported(cls, given: Any) -> Any:
        for name in cls.unsupported if isinstance(given, dict) else ():
            if given.get(name):
                raise Refusal.unsupported(name)
        return given


class Asked(Body):
    """What every request says: which model it is for."""

    model: Annotated[str, Field(min_length=1, max_length=500)]


class Sampled(Asked):
    """How a reply is drawn. `top_k`, `min_p` and `repetition_penalty` are no fields of OpenAI's."""

    temperature: Temperature | None = None
    top_p: Share | None = None
    top_k: TopK | None = None
    min_p: Share | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    repetition_penalty: Repetition | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63 - SEEDS)] | None = None
    stop: str | list[str] | None = None

    def sampling(self, max_tokens: MaxTokens | None) -> dict[str, Any]:
        """Return the arguments of `model.chat` that are given; the others have its defaults."""
        names = Sampled.model_fields.keys() - {"model", "stop", "top_p"}
        fields = {name: getattr(self, name) for name in names}
        fields["max_tokens"] = max_tokens
        if self.top_p is not None:
            fields["top_p"] = max(self.top_p, _LEAST)
        if self.stop:
            fields["stop"] = [self.stop] if isinstance(self.stop, str) else self.stop
            if len(fields["stop"]) > STOPS or not all(fields["stop"]):
                raise Refusal(f"stop takes up to {STOPS} texts, none of them empty", param="stop")
        return {name: value for name, value in fields.items() if value is not None}


def parse(kind: type[B], given: dict[str, Any]) -> B:
    """Return a body. Raises `Refusal` naming the first field that is wrong."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False)
        field = wrong[0]["loc"][:1]
        # Of a union's members, the one that was meant is the one that was read furthest.
        meant = max(
            (one for one in wrong if one["loc"][:1] == field), key=lambda one: len(one["loc"])
        )
        param = _path(meant["loc"])
        missing = meant["type"] == "missing"
        raise Refusal(
            f"{param}: {meant['msg']}",
            param=param,
            code="missing_required_parameter" if missing else "invalid_value",
        ) from None


def _path(place: tuple[int | str, ...]) -> str:
    """Return where a field stands, as `messages[0].content`; names of a union's members are left
    out, which are types and no fields."""
    path = ""
    for step in place:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step.isidentifier() and step not in ("str", "int", "float", "bool", "list", "dict"):
            path += f".{step}" if path else step
    return path
