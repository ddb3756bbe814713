"""What the file of a fine-tuning job may say.

Interface:
    Classify, Instruct, Prefer      a whole file, by its method, checked
    read                            a job's recipe; raises `InvalidArgument`
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from annotated_types import Len
from pydantic import Field, model_validator

from ....syscalls.errors import InvalidArgument
from ..job import Job
from ..training.settings import Part, TrainingSettings, check, own

Files: TypeAlias = Annotated[list[str], Len(1)]


class ModelPart(Part):
    """`[model]`: what is gone on from."""

    #: A model of the store, or `embedded`.
    parent: str
    #: Tokens of an example, at most.
    length: int = Field(default=512, ge=8, le=32_768)


class EncoderPart(ModelPart):
    """`[model]` of a classifier. A longer text is cut."""

    length: int = Field(default=128, ge=8, le=32_768)
    #: `random`: the parent's shape and tokenizer without what it has learnt, to compare with.
    weights: Literal["parent", "random"] = "parent"


class DataPart(Part):
    """`[data]`: JSON lines, in files below the folder of the recipe."""

    train: Files
    held_out: Files


class LabelledPart(DataPart):
    """`[data]` of a classifier: a text and its label a line."""

    #: The keys of a line.
    text: str = "text"
    label: str = "label"
    #: The labels there are; those of the training lines where it is not given.
    labels: list[str] | None = None
    #: How many training texts of each label are learnt from, drawn by the seed; all where it is not
    #: given.
    per_label: int | None = Field(default=None, ge=1)


class HeadPart(Part):
    """`[head]`."""

    #: Of what the encoder makes of a text's tokens: the first one, the last one, or their mean.
    pooling: Literal["first", "last", "mean"] = "mean"
    #: Whether the head alone learns.
    freeze: bool = False


class LoraPart(Part):
    """`[lora]`: a low-rank change of a model's matrices (Hu et al. 2021, arXiv 2106.09685)."""

    #: Of the change; what it is multiplied by is alpha / rank.
    rank: int = Field(default=8, ge=1, le=1024)
    alpha: float = Field(default=16.0, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    #: How the names of the matrices end; all linear maps but the head where it is not given.
    targets: list[str] | None = None


class PreferencePart(Part):
    """`[preference]`."""

    #: How dear it is to leave the parent's ways.
    beta: float = Field(default=0.1, gt=0, le=100)
    #: The weight of imitating the better answer besides (Pang et al. 2024, arXiv 2404.19733): by
    #: pairs alone both answers may become unlikely, and a third one be written.
    imitate: float = Field(default=0.0, ge=0, le=100)


class ClassifyJob(Part):
    """`[job]`."""

    kind: Literal["finetune"]
    method: Literal["classify"]


class InstructJob(Part):
    """`[job]`."""

    kind: Literal["finetune"]
    method: Literal["instruct", "lora"]


class PreferJob(Part):
    """`[job]`."""

    kind: Literal["finetune"]
    method: Literal["prefer"]


class Classify(Part):
    """A head on an encoder."""

    job: ClassifyJob
    model: EncoderPart
    data: LabelledPart
    head: HeadPart = HeadPart()
    training: TrainingSettings = TrainingSettings()


class Instruct(Part):
    """Dialogues to be imitated, by all weights or by an adapter."""

    job: InstructJob
    model: ModelPart
    data: DataPart
    lora: LoraPart | None = None
    training: TrainingSettings = TrainingSettings()

    @model_validator(mode="after")
    def _fits(self) -> Instruct:
        if self.lora is not None and self.job.method == "instruct":
            raise ValueError('[lora] is for method = "lora"')
        return self

    @property
    def adapter(self) -> LoraPart | None:
        """What kind of adapter is learnt; None for all weights."""
        return (self.lora or LoraPart()) if self.job.method == "lora" else None


class Prefer(Part):
    """Pairs of answers of which one is better, by all weights or with `[lora]` by an adapter."""

    job: PreferJob
    model: ModelPart
    data: DataPart
    preference: PreferencePart = PreferencePart()
    lora: LoraPart | None = None
    training: TrainingSettings = TrainingSettings()

    @property
    def adapter(self) -> LoraPart | None:
        """What kind of adapter is learnt; None for all weights."""
        return self.lora


Recipe: TypeAlias = Classify | Instruct | Prefer
_BY_METHOD: dict[str, type[Classify] | type[Instruct] | type[Prefer]] = {
    "classify": Classify,
    "instruct": Instruct,
    "lora": Instruct,
    "prefer": Prefer,
}


def read(job: Job) -> Recipe:
    """Return a job's recipe. Raises `InvalidArgument` that names file and key."""
    method = job.recipe["job"].get("method")
    kind = _BY_METHOD.get(method) if isinstance(method, str) else None
    if kind is None:
        known = ", ".join(_BY_METHOD)
        raise InvalidArgument(f"{job.file} job.method: one of {known}, not {method!r}")
    return check(kind, own(job.recipe), job.file)
