"""Jobs fine-tune, publish what they have learnt, and refuse what cannot be learnt from."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from llmagentos.services.learning.finetune import parents
from llmagentos.services.learning.finetune.head import classify
from llmagentos.services.learning.finetune.work import work
from llmagentos.services.learning.job import Stopped
from llmagentos.syscalls.errors import InvalidArgument, NotFound

from . import tiny

Shop = Any
SETTINGS = {"steps": 8, "batch": 4, "rate": 3e-3, "checkpoint_every": 2, "evaluate_every": 4}
LABELLED = [
    {"text": f"{word} number {n}", "label": label}
    for n in range(6)
    for word, label in (("store", "memory"), ("add", "calculator"), ("read", "file"))
]
TALKS = [
    {
        "messages": [
            {"role": "user", "content": f"What is {n}?"},
            {"role": "assistant", "content": f"It is {n}."},
        ]
    }
    for n in range(12)
]
PAIRS = [{"prompt": f"Add {n}.", "chosen": f"{n}.", "rejected": f"It is {n}."} for n in range(12)]


@pytest.fixture
def shop(shop: Shop, tmp_path: Path) -> Shop:
    shop.models["encoder"] = tiny.encoder(tmp_path / "encoder")
    shop.models["causal"] = tiny.causal(tmp_path / "causal")
    return shop


def recipe(
    shop: Shop, method: str, rows: list[Any], *, held_out: list[Any] | None = None, **parts: Any
) -> dict[str, Any]:
    """A job over some rows, every third held out, or those that are given."""
    train = rows if held_out is not None else [row for n, row in enumerate(rows) if n % 4]
    names = {
        "train": [shop.lines("train.jsonl", train)],
        "held_out": [shop.lines("held-out.jsonl", rows[::4] if held_out is None else held_out)],
    }
    made = {
        "runtime": "learn",
        "name": "made",
        "job": {"kind": "finetune", "method": method},
        "model": {"parent": "encoder" if method == "classify" else "causal", "length": 64},
        "data": names | parts.pop("data", {}),
        "training": SETTINGS | parts.pop("training", {}),
    }
    return made | parts


def test_a_classifier_is_published_with_its_figures(shop: Shop, capsys: Any) -> None:
    given = shop.run(recipe(shop, "classify", LABELLED, training={"steps": 40, "rate": 1e-2}))
    assert (given["name"], given["kind"], given["parent"]) == ("made", "classifier", "encoder")
    assert given["scores"] == {"accuracy": 1.0, "macro_f1": 1.0}
    assert given["data"]["confusion"]["labels"] == ["calculator", "file", "memory"]
    assert given["data"]["classes"]["file"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert "accuracy 100.0%" in capsys.readouterr().out
    (said,) = classify(given["folder"], ["add number 7"])
    assert max(said, key=lambda label: said[label]) == "calculator"
    assert abs(sum(said.values()) - 1) < 1e-6


def test_a_causal_model_is_an_encoder_too(shop: Shop) -> None:
    model, head = {"parent": "causal", "length": 64}, {"pooling": "last"}
    settings = {"steps": 40, "rate": 1e-2}
    given = shop.run(recipe(shop, "classify", LABELLED, model=model, head=head, training=settings))
    assert given["scores"]["accuracy"] >= 0.8


def test_random_weights_are_not_the_parents(shop: Shop) -> None:
    folder = shop.models["encoder"]
    learnt, again = (parents.encoder(folder, learnt=True).state_dict() for _ in range(2))
    fresh = parents.encoder(folder, learnt=False).state_dict()
    name = "embedding.tokens.weight"
    assert torch.equal(learnt[name], again[name]) and not torch.equal(learnt[name], fresh[name])


@pytest.mark.parametrize(
    ("rows", "held_out", "data", "message"),
    [
        (LABELLED[::3], LABELLED[1:4], {}, "all texts have the label 'memory'; two are wanted"),
        (LABELLED, [{"text": "x", "label": "new"}], {}, "labels that no training text has: new"),
        (LABELLED, LABELLED[:1], {}, "1 of the held-out texts are learnt from: 'store number 0'"),
        ([], LABELLED, {}, "train.jsonl holds no line"),
        (LABELLED, [], {}, "held-out.jsonl holds no line"),
        ([{"text": " ", "label": "a"}], [], {}, "train.jsonl:1: text: .*a text is wanted"),
        ([{"text": "x"}], [], {}, "train.jsonl:1: label: Field required"),
        (['{"text": "x", '], [], {}, "train.jsonl:1: no JSON"),
        (LABELLED, None, {"labels": ["memory"]}, "'calculator', which is none of data.labels"),
        (LABELLED, None, {"label": "kind"}, "train.jsonl:1: kind: Field required"),
        (LABELLED, None, {"per_label": 50}, "per_label: calculator has 4 training texts"),
    ],
)
def test_labelled_texts_that_cannot_be_learnt_from_are_refused(
    shop: Shop, rows: Any, held_out: Any, data: Any, message: str
) -> None:
    if data.get("label"):
        rows = [{"text": row["text"]} for row in rows]
    with pytest.raises(InvalidArgument, match=message):
        shop.run(recipe(shop, "classify", rows, held_out=held_out, data=data))
    assert not shop.learning.published and not shop.learning.begun


def test_dialogues_are_learnt_by_all_weights(shop: Shop) -> None:
    given = shop.run(recipe(shop, "instruct", TALKS, training={"steps": 30, "rate": 1e-2}))
    assert (given["kind"], given["parent"]) == ("causal", "causal")
    assert given["scores"]["held_out_loss"] < 0.6 * shop.first("held_out_loss")
    assert (given["folder"] / "chat_template.jinja").exists()


def test_an_adapter_is_published_alone_and_its_parent_stays(shop: Shop, tmp_path: Path) -> None:
    given = shop.run(recipe(shop, "lora", TALKS, training={"steps": 30, "rate": 3e-2}))
    assert (given["kind"], given["parent"]) == ("adapter", "causal")
    assert given["scores"]["held_out_loss"] < shop.first("held_out_loss") - 0.1
    assert not (given["folder"] / "model.safetensors").exists()
    # What was learnt is the parent and the adapter together, as they are fetched.
    adapted = tmp_path / "adapted"
    shutil.copytree(given["folder"], adapted)
    shutil.copytree(shop.models["causal"], adapted / "parent")
    whole = parents.causal(adapted)
    before = AutoModelForCausalLM.from_pretrained(shop.models["causal"], local_files_only=True)
    ids = torch.tensor([[5, 6, 7]])
    assert not torch.allclose(whole(ids).logits, before(ids).logits)

    shop.models["adapted"] = adapted
    model = {"parent": "adapted", "length": 64}
    assert shop.run(recipe(shop, "instruct", TALKS, model=model))["kind"] == "causal"
    with pytest.raises(InvalidArgument, match="an adapter is no parent of another one"):
        shop.run(recipe(shop, "lora", TALKS, model=model))
    shutil.rmtree(adapted / "parent")
    other = {**model, "length": 63}
    with pytest.raises(InvalidArgument, match="adapted is an adapter, and its parent is missing"):
        shop.run(recipe(shop, "instruct", TALKS, model=other))


@pytest.mark.parametrize("adapter", [False, True])
def test_the_better_answer_becomes_more_likely(shop: Shop, adapter: bool) -> None:
    parts: dict[str, Any] = {"lora": {"rank": 4}} if adapter else {}
    settings = {"steps": 40, "rate": 3e-2 if adapter else 3e-3}
    given = shop.run(recipe(shop, "prefer", PAIRS, training=settings, **parts))
    assert given["kind"] == ("adapter" if adapter else "causal")
    assert shop.first("better") == 0.0 and given["scores"]["better"] == 1.0
    # Where nothing was learnt yet it is log 2 (formula 7 of the paper, with equal models).
    assert abs(shop.first("held_out_loss") - 0.6931472) < 1e-5


def test_imitation_adds_the_better_answers_mean_token(shop: Shop) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    pairs = PAIRS[:4]
    losses = []
    for weight in (0.0, 0.5):
        asked = recipe(
            shop, "prefer", pairs, held_out=PAIRS[4:], preference={"imitate": weight},
            training={**SETTINGS, "steps": 1},
        )  # fmt: skip
        shop.run(asked)
        read = EventAccumulator(str(shop.home / "tensorboard"))
        read.Reload()
        losses.append(read.Scalars("loss")[0].value)
    tokenizer = parents.tokenizer(shop.models["causal"])
    model, lost, tokens = parents.causal(shop.models["causal"]).eval(), 0.0, 0
    for pair in pairs:
        messages = [
            {"role": "user", "content": pair["prompt"]},
            {"role": "assistant", "content": pair["chosen"]},
        ]
        asked, said = (
            tokenizer.apply_chat_template(some, tokenize=False, add_generation_prompt=asks)
            for some, asks in ((messages[:1], True), (messages, False))
        )
        end = said.rfind(tokenizer.eos_token) + len(tokenizer.eos_token)
        before, ids = (
            tokenizer(text, add_special_tokens=False)["input_ids"] for text in (asked, said[:end])
        )
        with torch.no_grad():
            rows = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        for place in range(len(before), len(ids)):
            lost, tokens = lost - float(rows[place - 1, ids[place]]), tokens + 1
    # At the first step the pairs themselves say nothing: log 2.
    assert losses[0] == pytest.approx(math.log(2), abs=1e-5)
    assert losses[1] - losses[0] == pytest.approx(0.5 * lost / tokens, rel=1e-4)


@pytest.mark.parametrize(
    ("method", "rows", "parts", "message"),
    [
        ("instruct", TALKS, {"model": {"parent": "causal", "length": 8}}, "at most 8 tokens"),
        ("prefer", PAIRS, {"model": {"parent": "causal", "length": 8}}, "at most 8 tokens"),
        ("prefer", [{**PAIRS[0], "chosen": "It is 0."}], {}, "chosen is what is rejected"),
        ("lora", TALKS, {"lora": {"targets": ["nothing"]}}, "lora.targets: "),
        ("instruct", TALKS, {"lora": {}}, 'is for method = "lora"'),
        ("lora", TALKS, {"lora": {"rang": 8}}, "lora.rang"),
        ("instruct", TALKS, {"head": {}}, "knows no head"),
        ("instruct", TALKS, {"training": {"steps": 0}}, "training.steps"),
        ("magic", TALKS, {}, "job.method: one of classify, instruct, lora, prefer, not 'magic'"),
        ("instruct", TALKS, {"model": {"parent": "encoder"}}, "no model that writes"),
        ("instruct", [], {}, "train.jsonl holds no line"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_trained(
    shop: Shop, method: str, rows: Any, parts: Any, message: str
) -> None:
    held_out = None if len(rows) > 1 else rows
    with pytest.raises(InvalidArgument, match=message):
        shop.run(recipe(shop, method, rows, held_out=held_out, **parts))
    assert not shop.learning.published and not shop.learning.begun


def test_a_parent_that_is_not_there_is_said(shop: Shop) -> None:
    with pytest.raises(NotFound, match="there is no model 'ghost'"):
        shop.run(recipe(shop, "instruct", TALKS, model={"parent": "ghost"}))


def test_a_damaged_parent_is_said(shop: Shop) -> None:
    (shop.models["causal"] / "config.json").write_text("{")
    with pytest.raises(InvalidArgument, match="the parent"):
        shop.run(recipe(shop, "instruct", TALKS))


@pytest.mark.parametrize(
    ("method", "rows"), [("classify", LABELLED), ("lora", TALKS), ("prefer", PAIRS)]
)
def test_a_job_that_was_stopped_goes_on_to_the_same_weights(
    shop: Shop, method: str, rows: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = recipe(shop, method, rows)
    whole = shop.run(asked)["folder"].rename(tmp_path / "whole")
    shutil.rmtree(shop.home / "checkpoints")

    job = shop.job(asked)
    report = job.report

    def stopping(step: int, *more: Any, **named: Any) -> None:
        job.stopping = step >= 3
        report(step, *more, **named)

    monkeypatch.setattr(job, "report", stopping)
    with pytest.raises(Stopped):
        work(job)
    # Its parent is what it was when it began, whatever has become of the name.
    shutil.rmtree(shop.models["encoder"])
    shutil.rmtree(shop.models["causal"])
    again = shop.run(asked)["folder"]
    assert shop.learning.begun == [0, 0, 3]
    for weights in whole.glob("*.safetensors"):
        assert weights.read_bytes() == (again / weights.name).read_bytes()


def test_the_shipped_recipes_are_whole() -> None:
    import tomllib

    from llmagentos.services.learning.finetune.recipe import read

    folder = Path(__file__).parents[4] / "examples/learn"
    for path in folder.glob("finetune-*.toml"):
        said = tomllib.loads(path.read_text())
        if said["job"]["kind"] != "finetune":
            continue

        class Named:
            recipe, file = said, path.name

        found: Any = read(Named())  # type: ignore[arg-type]
        for name in (*found.data.train, *found.data.held_out):
            assert json.loads((folder / name).read_text().splitlines()[0])
