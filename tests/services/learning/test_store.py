from __future__ import annotations

import json
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from llmagentos.services.learning import copying
from llmagentos.services.learning.store import Store
from llmagentos.services.learning.weights import kind_of
from llmagentos.syscalls.errors import (
    Cancelled,
    InputOutputError,
    InvalidArgument,
    LLMAgentOSError,
    NotFound,
    PermissionDenied,
    TooBig,
)
from llmagentos.syscalls.learning import ModelCard, Verdict

from .models import adapter, model, tensors

VERDICT = Verdict(
    suite="tasks", baseline="embedded", tasks=10, solved=8, baseline_solved=4, won=5, lost=1,
    p=0.1, passed=False, reason="luck", time=5.0,
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    return made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


def put(
    store: Store, home: Path, name: str = "small", folder: str = "m", held: tuple[str, ...] = (),
    kind: str = "causal", parent: str | None = None,
) -> ModelCard:  # fmt: skip
    taken = store.take("ann", home, folder, kind, threading.Event())
    try:
        return store.place(
            "ann", name, taken, held,
            kind=kind, parent=parent, job=1, recipe={"a": 1}, data={}, scores={"loss": 0.5},
        )  # fmt: skip
    finally:
        store.drop(taken)


def left(store: Store, tmp_path: Path) -> list[str]:
    return sorted(os.listdir(tmp_path / "models/ann"))


@contextmanager
def short_of_room(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_model_is_copied_with_its_card_and_what_nobody_reads_stays_behind(
    store: Store, home: Path, tmp_path: Path
) -> None:
    model(home / "m")
    (home / "m/optimizer.pt").write_bytes(b"pickle")
    (home / "m/.hidden.json").write_text("{}")
    card = put(store, home)
    place = tmp_path / "models/ann/small"
    assert sorted(os.listdir(place)) == ["card.json", "config.json", "model.safetensors"]
    assert card.target == f"hf:{place}" and card.parameters == 6
    assert store.card("ann", "small") == card and store.ls("ann") == [card]
    assert store.ls("bob") == []
    with pytest.raises(NotFound):
        store.card("bob", "small")


def test_version_is_that_of_the_weights_alone(store: Store, home: Path) -> None:
    model(home / "m")
    first = put(store, home, "one")
    (home / "m/config.json").write_text(json.dumps({"model_type": "other"}))
    second = put(store, home, "two")
    model(home / "m", fill=b"\1")
    third = put(store, home, "three")
    assert first.version == second.version != third.version


@pytest.mark.parametrize("path", ["../m", "/etc", "m/../../m", "", ".", "m\0"])
def test_folder_is_below_the_callers_own(store: Store, home: Path, path: str) -> None:
    model(home.parent / "m")
    with pytest.raises((PermissionDenied, InvalidArgument)):
        put(store, home, folder=path)


def test_link_is_followed_nowhere(store: Store, home: Path, tmp_path: Path) -> None:
    model(home / "m")
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    (home / "m/extra.json").symlink_to(secret)
    with pytest.raises(PermissionDenied, match=r"extra\.json"):
        put(store, home)
    (home / "m/extra.json").unlink()
    (home / "m/deeper").symlink_to(tmp_path)
    with pytest.raises(PermissionDenied, match="deeper"):
        put(store, home)
    (home / "way").symlink_to(tmp_path)
    model(tmp_path / "outside")
    for path in ("way", "way/outside"):
        with pytest.raises(PermissionDenied):
            put(store, home, folder=path)
    assert left(store, tmp_path) == []


def test_what_is_no_model_is_refused_and_leaves_nothing(
    store: Store, home: Path, tmp_path: Path
) -> None:
    def no_weights(folder: Path) -> None:
        (folder / "model.safetensors").unlink()

    def cut_off(folder: Path) -> None:
        file = folder / "model.safetensors"
        file.write_bytes(file.read_bytes()[:-1])

    def no_header(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"\xff" * 40)

    def wrong_shape(folder: Path) -> None:
        file = folder / "model.safetensors"
        file.write_bytes(file.read_bytes().replace(b"[6]", b"[7]"))

    def no_config(folder: Path) -> None:
        (folder / "config.json").unlink()

    def list_config(folder: Path) -> None:
        (folder / "config.json").write_text("[1]")

    def shard_missing(folder: Path) -> None:
        index = folder / "model.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": {"a": "model-2.safetensors"}}))

    def pipe(folder: Path) -> None:
        os.mkfifo(folder / "extra.json")

    for number, spoil in enumerate(
        (no_weights, cut_off, no_header, wrong_shape, no_config, list_config, shard_missing, pipe)
    ):
        spoil(model(home / f"m{number}"))
        with pytest.raises(InvalidArgument):
            put(store, home, folder=f"m{number}")
        assert left(store, tmp_path) == [], spoil.__name__
    with pytest.raises(NotFound):
        put(store, home, folder="nothing")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".x", "embedded", "x" * 65, "a b", "ä"])
def test_bad_names_are_refused(store: Store, home: Path, tmp_path: Path, name: str) -> None:
    model(home / "m")
    with pytest.raises(InvalidArgument):
        put(store, home, name)
    assert left(store, tmp_path) == []


def test_new_model_takes_the_place_of_one_that_nobody_needs(
    store: Store, home: Path, tmp_path: Path
) -> None:
    model(home / "m")
    put(store, home)
    model(home / "m", numbers=9)
    assert put(store, home).name == "small"
    assert store.card("ann", "small").parameters == 9
    assert left(store, tmp_path) == ["small"]


def test_model_that_answers_or_is_a_parent_keeps_its_name(store: Store, home: Path) -> None:
    model(home / "m")
    adapter(home / "a")
    first = put(store, home)
    assert put(store, home, held=(first.target,)).name == "small-2"
    assert put(store, home, "tuned", "a", kind="adapter", parent="small").name == "tuned"
    assert put(store, home).name == "small-2"
    assert put(store, home, "small", "a", kind="adapter", parent="small-2").name == "small-3"
    for name in ("small", "small-2"):
        with pytest.raises(InvalidArgument, match="parent"):
            store.discard("ann", name, ())
    store.discard("ann", "tuned", ())
    with pytest.raises(InvalidArgument, match="answers"):
        store.discard("ann", "small", (first.target,))
    store.discard("ann", "small", ())
    with pytest.raises(NotFound):
        store.discard("ann", "small", ())
    with pytest.raises(InvalidArgument):
        store.discard("ann", "embedded", ())


def test_adapter_needs_its_parent_and_names_it_by_its_place(
    store: Store, home: Path, tmp_path: Path
) -> None:
    adapter(home / "a", base="/anywhere/else")
    for parent in (None, "nobody"):
        with pytest.raises(InvalidArgument, match="parent"):
            put(store, home, "tuned", "a", kind="adapter", parent=parent)
    put(store, home, "first", "a", kind="adapter", parent="embedded")
    model(home / "m")
    put(store, home, "base")
    put(store, home, "second", "a", kind="adapter", parent="base")
    for name, base in (("first", "embedded"), ("second", str(tmp_path / "models/ann/base"))):
        said = json.loads((tmp_path / "models/ann" / name / "adapter_config.json").read_text())
        assert said["base_model_name_or_path"] == base and said["peft_type"] == "LORA"


def test_adapter_is_given_with_its_parent_inside(store: Store, home: Path) -> None:
    model(home / "m", numbers=9)
    adapter(home / "a")
    put(store, home, "base")
    put(store, home, "tuned", "a", kind="adapter", parent="base")
    card = store.give("ann", "tuned", home, "got/it", threading.Event())
    assert card.name == "tuned"
    assert (home / "got/it/adapter_model.safetensors").exists()
    assert (home / "got/it/parent/model.safetensors").stat().st_size > 36
    store.give("ann", "base", home, "got/it", threading.Event())
    assert not (home / "got/it/parent").exists() and (home / "got/it/config.json").exists()
    assert os.listdir(home / "got") == ["it"]


def test_model_is_given_to_no_place_that_a_link_leads_to(
    store: Store, home: Path, tmp_path: Path
) -> None:
    model(home / "m")
    put(store, home)
    (tmp_path / "outside").mkdir()
    (home / "way").symlink_to(tmp_path / "outside")
    with pytest.raises(PermissionDenied):
        store.give("ann", "small", home, "way/in", threading.Event())
    assert os.listdir(tmp_path / "outside") == []
    store.give("ann", "small", home, "way", threading.Event())
    assert not (home / "way").is_symlink() and os.listdir(tmp_path / "outside") == []
    for path in ("../x", "", "."):
        with pytest.raises((PermissionDenied, InvalidArgument)):
            store.give("ann", "small", home, path, threading.Event())
    with pytest.raises(NotFound):
        store.give("ann", "nothing", home, "x", threading.Event())


def test_shipped_model_has_a_card_and_is_given(store: Store, home: Path) -> None:
    card = store.give("ann", "embedded", home, "base", threading.Event())
    assert card.target == "embedded" and card.parameters > 1_000_000 and len(card.version) == 32
    assert (home / "base/tokenizer.json").exists()
    assert kind_of(str(home / "base")) == "causal"


def test_disk_that_is_full_leaves_nothing_new(store: Store, home: Path, tmp_path: Path) -> None:
    model(home / "m")
    before = put(store, home)
    model(home / "m", numbers=50_000)
    with short_of_room(100_000), pytest.raises(InputOutputError):
        put(store, home)
    assert left(store, tmp_path) == ["small"] and store.card("ann", "small") == before
    with short_of_room(10), pytest.raises(InputOutputError):
        store.judge("ann", "small", VERDICT)
    with short_of_room(50), pytest.raises(InputOutputError):
        store.give("ann", "small", home, "got", threading.Event())
    assert not [one for one in os.listdir(home) if one != "m"]
    assert store.card("ann", "small") == before


def test_copy_that_is_taken_back_leaves_nothing(store: Store, home: Path, tmp_path: Path) -> None:
    model(home / "m")
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        store.take("ann", home, "m", "causal", stop)
    assert left(store, tmp_path) == []


def test_model_that_is_too_large_is_refused(
    store: Store, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model(home / "m", numbers=2000)
    for name, most in (("LARGEST", 4000), ("SETTINGS", 10), ("FILES", 1)):
        with monkeypatch.context() as patched:
            patched.setattr(copying, name, most)
            with pytest.raises(TooBig):
                put(store, home)
        assert left(store, tmp_path) == []


def test_crash_between_two_names_leaves_the_old_or_the_new_one(
    store: Store, home: Path, tmp_path: Path
) -> None:
    model(home / "m")
    card = put(store, home)
    folder = tmp_path / "models/ann"
    (folder / "small").rename(folder / ".old-small")
    model(folder / ".new-5")
    store = Store(tmp_path / "models")
    assert left(store, tmp_path) == ["small"] and store.card("ann", "small") == card
    model(folder / ".old-small")
    store = Store(tmp_path / "models")
    assert left(store, tmp_path) == ["small"] and store.card("ann", "small") == card


def test_verdicts_are_noted_once_each(store: Store, home: Path) -> None:
    model(home / "m")
    put(store, home)
    for _ in range(2):
        store.judge("ann", "small", VERDICT)
    assert store.card("ann", "small").verdicts == [VERDICT]
    with pytest.raises(NotFound):
        store.judge("ann", "nobody", VERDICT)
    with pytest.raises(InvalidArgument):
        store.judge("ann", "embedded", VERDICT)


def test_folder_of_the_machine_may_hold_links(store: Store, tmp_path: Path) -> None:
    model(tmp_path / "blobs")
    (tmp_path / "snapshot").mkdir()
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "snapshot" / name).symlink_to(tmp_path / "blobs" / name)
    taken = store.take("ann", None, str(tmp_path / "snapshot"), "causal", threading.Event())
    assert taken.parameters == 6 and not (taken.folder / "config.json").is_symlink()
    for path, error in (("snapshot", InvalidArgument), (str(tmp_path / "no"), NotFound)):
        with pytest.raises(error):
            store.take("ann", None, path, "causal", threading.Event())


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"config.json": {"architectures": ["BertForMaskedLM"]}}, "masked"),
        ({"config.json": {"architectures": ["BertForPreTraining"]}}, "masked"),
        ({"config.json": {"architectures": ["T5ForConditionalGeneration"]}}, "seq2seq"),
        ({"config.json": {"architectures": ["BertForSequenceClassification"]}}, "classifier"),
        ({"config.json": {}}, "causal"),
        ({"adapter_config.json": {}}, "adapter"),
        ({"policy.json": {}}, "policy"),
        ({}, "causal"),
    ],
)
def test_folder_says_what_it_is(tmp_path: Path, said: dict[str, Any], kind: str) -> None:
    for name, text in said.items():
        (tmp_path / name).write_text(json.dumps(text))
    assert kind_of(str(tmp_path)) == kind


def test_policy_is_a_table_with_its_numbers(store: Store, home: Path) -> None:
    (home / "p").mkdir()
    (home / "p/policy.json").write_text(json.dumps({"form": "table"}))
    with pytest.raises(LLMAgentOSError):
        put(store, home, "q", "p", kind="policy")
    tensors(home / "p/model.safetensors", 8)
    assert put(store, home, "q", "p", kind="policy").parameters == 8
