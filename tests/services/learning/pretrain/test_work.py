"""Whole jobs, so small that each takes a second or two."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from llmagentos.services.learning.job import Job
from llmagentos.services.learning.pretrain.work import work
from llmagentos.services.learning.reference.model import register
from llmagentos.syscalls.errors import InvalidArgument
from llmagentos.syscalls.perception import Observation, Perceived

STORIES = Path(__file__).parents[4] / "examples/learn/corpus/stories.txt"
SMALL: dict[str, Any] = {
    "name": "small",
    "corpus": {"files": ["a.txt"], "held_out": 0.1, "held_out_examples": 8, "shuffle": 8},
    "tokenizer": {"vocabulary": 350},
    "model": {"length": 24, "hidden": 16, "layers": 1, "heads": 2, "dropout": 0.1},
    "training": {
        "steps": 6, "batch": 4, "rate": 0.01, "checkpoint_every": 2, "evaluate_every": 3,
    },
}  # fmt: skip
WAYS = [
    ("causal", "llama", "causal", "AutoModelForCausalLM", "perplexity"),
    ("causal", "gpt2", "causal", "AutoModelForCausalLM", "perplexity"),
    ("causal", "reference", "causal", "AutoModelForCausalLM", "perplexity"),
    ("masked", "modernbert", "masked", "AutoModelForMaskedLM", "masked_accuracy"),
    ("masked", "bert", "masked", "AutoModelForMaskedLM", "masked_accuracy"),
    ("masked", "reference", "masked", "AutoModelForMaskedLM", "masked_accuracy"),
    ("masked+next", "bert", "masked", "AutoModelForPreTraining", "next_accuracy"),
    ("denoise", "t5", "seq2seq", "AutoModelForSeq2SeqLM", "reconstruction"),
    ("denoise", "bart", "seq2seq", "AutoModelForSeq2SeqLM", "reconstruction"),
    ("denoise", "reference", "seq2seq", "AutoModelForSeq2SeqLM", "reconstruction"),
]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """The folder of the recipe, with a few stories."""
    stories = STORIES.read_text().split("\n\n")[:60]
    (tmp_path / "a.txt").write_text("\n\n".join(stories))
    return tmp_path


def recipe(objective: str, architecture: str | None = None, **parts: Any) -> dict[str, Any]:
    made = {**SMALL, "objective": {"kind": objective}}
    if architecture:
        made["model"] = {**SMALL["model"], "architecture": architecture}
    for name, part in parts.items():
        made[name] = {**made.get(name, {}), **part}
    return made


def learnt(job: Job) -> Any:
    return job.os.learning  # type: ignore[attr-defined]


def losses(job: Job) -> dict[int, float]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(job.folder / "tensorboard"))
    read.Reload()
    return {one.step: one.value for one in read.Scalars("loss")}


@pytest.mark.parametrize(("objective", "architecture", "kind", "auto", "metric"), WAYS)
def test_every_architecture_learns_and_is_given_in_as_what_transformers_reads(
    make_job: Callable[..., Job],
    texts: Path,
    objective: str,
    architecture: str,
    kind: str,
    auto: str,
    metric: str,
) -> None:
    register()
    job = make_job(recipe(objective, architecture))
    work(job)
    card = learnt(job).published[0]
    assert (card["name"], card["folder"], card["kind"]) == ("small", "model", kind)
    assert card["scores"].keys() >= {"held_out_loss", metric}
    assert card["data"]["documents"] == 60 and card["parent"] is None
    assert len(card["data"]["samples"]) == 4
    assert all(isinstance(one, str) for row in card["data"]["samples"] for one in row.values())
    made = getattr(transformers, auto).from_pretrained(job.folder / "model", local_files_only=True)
    read = transformers.AutoTokenizer.from_pretrained(job.folder / "model", local_files_only=True)
    assert made.config.model_type == architecture and len(read) == made.config.vocab_size
    assert read.decode(read("Ada ging zur Schule 🎒.").input_ids, skip_special_tokens=True) == (
        "Ada ging zur Schule 🎒."
    )
    assert set(losses(job)) == set(range(1, 7))


@pytest.mark.parametrize("objective", ["causal", "masked", "masked+next", "denoise"])
def test_a_killed_job_goes_on_to_the_same_losses(
    make_job: Callable[..., Job], texts: Path, tmp_path: Path, objective: str
) -> None:
    class Killed(BaseException):
        pass

    whole = make_job(recipe(objective))
    work(whole)
    expected = losses(whole)
    (whole.folder / "tensorboard").rename(tmp_path / "before")
    killed = make_job(recipe(objective), fresh=True)
    report = killed.report

    def killing(step: int, *more: Any, **named: Any) -> None:
        report(step, *more, **named)
        if step == 5:
            raise Killed

    killed.report = killing  # type: ignore[method-assign]
    with pytest.raises(Killed):
        work(killed)
    again = make_job(recipe(objective))
    work(again)
    assert learnt(again).begun[0]["step"] == 4
    assert losses(again) == expected
    assert learnt(again).published[0]["scores"] == learnt(whole).published[0]["scores"]


@pytest.mark.parametrize(
    ("objective", "architecture", "metric"),
    [(one, kind, metric) for one, kind, _, _, metric in WAYS if one != "masked+next"],
)
def test_texts_of_their_own_length_are_learnt_as_well(
    make_job: Callable[..., Job],
    tmp_path: Path,
    objective: str,
    architecture: str,
    metric: str,
) -> None:
    texts = [f"{'very ' * (n % 9)}small text {n}" for n in range(120)]
    (tmp_path / "a.txt").write_text("\n\n".join(texts))
    # Of a text or two it happens that nothing is hidden.
    settings = {"batch": 2, "steps": 12, "evaluate_every": 1, "checkpoint_every": 50}
    job = make_job(recipe(objective, architecture, corpus={"pack": False}, training=settings))
    work(job)
    assert all(map(math.isfinite, losses(job).values()))
    scores = learnt(job).published[0]["scores"]
    assert math.isfinite(scores["held_out_loss"]) and metric in scores


def test_a_parent_is_gone_on_with(make_job: Callable[..., Job], texts: Path) -> None:
    first = make_job(recipe("masked"))
    work(first)
    (first.folder / "model").rename(texts / "parent")
    job = make_job(
        {**recipe("masked"), "name": "child", "model": {"parent": "small", "length": 16}}
        | {"tokenizer": {}}
    )
    job.recipe.pop("tokenizer")

    async def fetch(name: str, folder: str) -> None:
        import shutil

        shutil.copytree(texts / "parent", job.folder / folder)

    job.os.learning.fetch = fetch  # type: ignore[assignment, method-assign]
    work(job)
    assert learnt(job).published[0]["parent"] == "small"
    scores = learnt(first).published[0]["scores"]
    # It begins about where its parent has ended.
    looks = [one["held_out_loss"] for _, one in learnt(job).reports if "held_out_loss" in one]
    assert looks[0] == pytest.approx(scores["held_out_loss"], abs=0.5)
    other = make_job({**job.recipe, "objective": {"kind": "denoise"}})
    other.os.learning.fetch = fetch  # type: ignore[assignment, method-assign]
    with pytest.raises(InvalidArgument, match="the parent cannot learn by denoise"):
        work(other)


def test_what_perception_reads_is_a_corpus(make_job: Callable[..., Job], texts: Path) -> None:
    stories = STORIES.read_text().split("\n\n")
    for number in range(30):
        (texts / f"{number}.pdf").write_bytes(b"%PDF " + str(number).encode())
    looked: list[str] = []

    class Perception:
        async def perceive(self, source: str, data: bytes) -> Perceived:
            looked.append(source)
            if source == "7.pdf":
                raise InvalidArgument("the PDF is damaged")
            return Perceived(
                source=source, media="application/pdf", digest="", size=len(data), title=None,
                observations=[Observation(kind="text", text=stories[int(data.split()[1])])],
            )  # fmt: skip

    def made(**part: Any) -> Job:
        files = {"files": ["*.pdf"], "format": "documents", "held_out": 0.2, **part}
        job = make_job(recipe("causal", corpus=files))
        job.os.perception = Perception()  # type: ignore[assignment, misc]
        return job

    with pytest.raises(InvalidArgument, match=r"7.pdf: the PDF is damaged"):
        work(made())
    looked.clear()
    job = made(on_error="skip")
    work(job)
    assert learnt(job).published[0]["data"]["documents"] == 29
    assert len(looked) == 30
    work(made(on_error="skip"))
    assert len(looked) == 30


def test_a_corpus_that_is_too_small_for_an_example_is_refused(
    make_job: Callable[..., Job], tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("\n\n".join(f"text {n}" for n in range(60)))
    with pytest.raises(InvalidArgument, match="fill no example of 512 tokens"):
        work(make_job(recipe("causal", model={"length": 512})))
    with pytest.raises(InvalidArgument, match="documents of two sentences"):
        work(make_job(recipe("masked+next")))


def test_json_lines_are_a_corpus(make_job: Callable[..., Job], tmp_path: Path) -> None:
    stories = STORIES.read_text().split("\n\n")[:40]
    lines = [json.dumps({"body": one}) for one in stories]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    job = make_job(recipe("causal", corpus={"format": "jsonl", "field": "body"}))
    work(job)
    assert learnt(job).published[0]["data"]["documents"] == 40


def test_a_model_of_a_billion_weights_is_no_defect(
    make_job: Callable[..., Job], texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llmagentos.syscalls.errors import QuotaExceeded

    def none_left(*_: Any, **__: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 TB")

    monkeypatch.setattr(torch.nn.Linear, "__init__", none_left)
    with pytest.raises(QuotaExceeded, match="out of memory while the model was made"):
        work(make_job(recipe("causal")))
