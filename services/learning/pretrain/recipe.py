"""What the file of a pretraining job may say.

Interface:
    Recipe          the whole file, checked
    CorpusPart, TokenizerPart, ModelPart    its parts
    Causal, Masked, NextSentence, Denoise   `[objective]`, by its `kind`
    read            a job's recipe; raises `InvalidArgument`
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from annotated_types import Len
from pydantic import Field, model_validator

from ....syscalls.errors import InvalidArgument
from ..job import Job
from ..training.settings import Part, TrainingSettings, check, own


class CorpusPart(Part):
    """`[corpus]`: what is read."""

    #: Files, or patterns of them such as `texts/**/*.txt`, below the folder of the recipe.
    files: Annotated[list[str], Len(1)]
    #: `text`: documents stand between blank lines. `jsonl`: a document a line, in `field`.
    #: `documents`: whatever perception reads, such as PDF and HTML, a document a file.
    format: Literal["text", "jsonl", "documents"] = "text"
    field: str = "text"
    #: Whether documents are joined and cut to blocks of the model's length. Otherwise each is an
    #: example of its own, as long as it is; a longer one is cut to several.
    pack: bool = True
    #: What to do with what cannot be read.
    on_error: Literal["fail", "skip"] = "fail"
    #: The share of the documents that is not learnt from, and how many examples of it, at most, the
    #: held-out metrics are of.
    held_out: float = Field(default=0.05, gt=0, lt=1)
    held_out_examples: int = Field(default=64, ge=1, le=100_000)
    #: Examples among which the next one is drawn.
    shuffle: int = Field(default=256, ge=1, le=100_000)
    #: Bytes of a line, characters of a document.
    longest: int = Field(default=1_000_000, ge=16, le=64_000_000)


class TokenizerPart(Part):
    """`[tokenizer]`: byte-level BPE, trained on the corpus."""

    vocabulary: int = Field(default=1000, ge=300, le=200_000)
    lowercase: bool = False
    #: Characters of the corpus that it is trained on, at most.
    characters: int = Field(default=10_000_000, ge=1)


class ModelPart(Part):
    """`[model]`: the sizes of a new one, or the parent to go on from."""

    #: A model of the store, or `embedded`; its tokenizer is used as well.
    parent: str | None = None
    architecture: (
        Literal["llama", "gpt2", "bert", "modernbert", "t5", "bart", "reference"] | None
    ) = None
    #: Tokens that it takes at once.
    length: int = Field(default=128, ge=8, le=32_768)
    hidden: int = Field(default=128, ge=8, le=8192)
    layers: int = Field(default=2, ge=1, le=128)
    heads: int = Field(default=4, ge=1, le=128)
    #: Of the layers between; four times `hidden` where it is not given.
    feedforward: int | None = Field(default=None, ge=8, le=65_536)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    #: Besides, in the words of transformers' configuration.
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _either(self) -> ModelPart:
        given = self.model_fields_set - {"parent", "length"}
        if self.parent is not None and given:
            raise ValueError(f"a parent has its own {', '.join(sorted(given))}")
        if self.hidden % self.heads:
            raise ValueError(f"hidden {self.hidden} is no multiple of heads {self.heads}")
        return self


class Causal(Part):
    """Each token from those before it."""

    kind: Literal["causal"]


class Masked(Part):
    """Hidden tokens from those around them (Devlin et al. 2018)."""

    kind: Literal["masked"]
    #: The share that is hidden.
    mask: float = Field(default=0.15, gt=0, lt=1)


class NextSentence(Part):
    """Hidden tokens, and whether one text goes on after the other (Devlin et al. 2018)."""

    kind: Literal["masked+next"]
    mask: float = Field(default=0.15, gt=0, lt=1)


class Denoise(Part):
    """A text from one in which spans are missing."""

    kind: Literal["denoise"]
    #: `spans`: what is missing is written, each span by its number (T5, Raffel et al. 2020).
    #: `infill`: the whole text is written (BART, Lewis et al. 2020).
    style: Literal["spans", "infill"] = "spans"
    #: The share of tokens that is missing, and the mean length of a span.
    noise: float = Field(default=0.15, gt=0, lt=1)
    span: float = Field(default=3.0, ge=1, le=64)


Objective: TypeAlias = Annotated[
    Causal | Masked | NextSentence | Denoise, Field(discriminator="kind")
]
#: What each objective may be learnt by; the first is taken where nothing is said.
FITTING: dict[str, tuple[str, ...]] = {
    "causal": ("llama", "gpt2", "reference"),
    "masked": ("modernbert", "bert", "reference"),
    "masked+next": ("bert",),
    "denoise": ("t5", "bart", "reference"),
}


class JobPart(Part):
    """`[job]`."""

    kind: Literal["pretrain"]


class Recipe(Part):
    """A pretraining job."""

    job: JobPart
    objective: Objective
    corpus: CorpusPart
    tokenizer: TokenizerPart = TokenizerPart()
    model: ModelPart = ModelPart()
    training: TrainingSettings = TrainingSettings()

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        kind, fitting = self.objective.kind, FITTING[self.objective.kind]
        if self.model.parent is not None and "tokenizer" in self.model_fields_set:
            raise ValueError("a parent has its own tokenizer")
        if self.model.architecture not in (None, *fitting):
            raise ValueError(f"{kind} is learnt by {' or '.join(fitting)}")
        if kind == "masked+next" and "pack" in self.corpus.model_fields_set:
            raise ValueError("corpus.pack: masked+next has pairs of texts, never blocks")
        return self


def read(job: Job) -> Recipe:
    """Return a job's recipe. Raises `InvalidArgument` that names file and key."""
    recipe = check(Recipe, own(job.recipe), job.file)
    for pattern in recipe.corpus.files:
        if not pattern or pattern.startswith(("/", "~")) or ".." in pattern.split("/"):
            raise InvalidArgument(f"{job.file} corpus.files: {pattern!r} leads out of the folder")
    return recipe
