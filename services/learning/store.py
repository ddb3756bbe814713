"""The models that were learnt or taken in: a folder each, `PRINCIPAL/NAME`, with a card in it.

A model is copied to a folder aside and renamed into its place once it is whole, so that a crash
leaves the old one or the new one. Its caller makes one change of names at a time.

Interface:
    Store           `take` a folder in and `place` it, or `drop` it; `give` one out; `ls`, `card`,
                    `judge`, `discard`
    Taken           a model that is copied and has no name yet
    check           whether a name may be a model's
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...syscalls.errors import InputOutputError, InvalidArgument, NotFound, TooBig
from ...syscalls.learning import ModelCard, Verdict
from . import cards
from .cards import CARD, EMBEDDED
from .copying import Copying, below, opened
from .weights import ADAPTER, measure, settings

#: Models of a principal, and verdicts of a model.
MODELS, VERDICTS = 1000, 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_NEW, _OLD = ".new-", ".old-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A model that is copied and has no name yet."""

    folder: Path
    version: str
    parameters: int


class Store:
    """Owns the folder. Blocking; `take` and `give` for as long as copying takes."""

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        """Clear up what a crash has left."""
        self._folder = folder
        self._now = now
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._numbers = itertools.count(time.time_ns())
        for aside in [*folder.glob(f"*/{_NEW}*"), *folder.glob(f"*/{_OLD}*")]:
            place = aside.with_name(aside.name.removeprefix(_OLD))
            if aside.name.startswith(_OLD) and not place.exists():
                aside.rename(place)
            else:
                shutil.rmtree(aside)

    # In.

    def take(
        self,
        principal: str,
        home: Path | None,
        path: str,
        kind: str,
        stop: threading.Event,
    ) -> Taken:
        """Copy a folder below a caller's home, or with `home` None of the machine.

        Raises as `Copying.folder` and `measure` do, `InputOutputError` where the disk fails; then
        nothing is left of it.
        """
        aside = self._folder / principal / f"{_NEW}{next(self._numbers)}"
        copying = Copying(stop, links=home is None)
        try:
            aside.parent.mkdir(exist_ok=True, mode=0o700)
            aside.mkdir(mode=0o700)
            _copied(copying, home, path, aside)
            (aside / CARD).unlink(missing_ok=True)  # another one's, of which this is made
            parameters = measure(aside, kind)
        except OSError as error:
            shutil.rmtree(aside, ignore_errors=True)
            raise InputOutputError(f"{path} cannot be copied: {error.strerror}") from error
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        return Taken(folder=aside, version=copying.digest, parameters=parameters)

    def drop(self, taken: Taken) -> None:
        """Delete what was taken in and gets no name."""
        shutil.rmtree(taken.folder, ignore_errors=True)

    def place(
        self,
        principal: str,
        name: str,
        taken: Taken,
        held: Collection[str],
        **known: Any,
    ) -> ModelCard:
        """Give what was taken in a name; a model of that name goes, unless it is held or is the
        parent of an adapter. `known` are the fields of its card.

        Raises `InvalidArgument`, `TooBig` and `InputOutputError`; then it has none.
        """
        there = {card.name: card for card in self.ls(principal)}
        parent = known.get("parent")
        if known["kind"] == "adapter" and parent != EMBEDDED and parent not in there:
            raise InvalidArgument(f"an adapter needs its parent in the store, not {parent!r}")
        name = _free(check(name), there.values(), held, parent)
        if name not in there and len(there) >= MODELS:
            raise TooBig(f"there are {MODELS} models already; discard one")
        place = self._folder / principal / name
        card = ModelCard(
            name=name,
            target=f"hf:{place}",
            parameters=taken.parameters,
            version=taken.version,
            created=self._now(),
            **known,
        )
        try:
            if card.kind == "adapter":
                self._adapt(taken.folder, principal, str(parent))
            cards.write(taken.folder, card)
            self._swap(taken.folder, place)
        except OSError as error:
            raise InputOutputError(f"{name} cannot be kept: {error.strerror}") from error
        return card

    # Out.

    def give(
        self, principal: str, name: str, home: Path, path: str, stop: threading.Event
    ) -> ModelCard:
        """Copy a model, with its parents in `parent/` inside, to a folder below a home, in place
        of what stood there. Raises `NotFound`, else as `take` does."""
        card, source = self.card(principal, name), self.path(principal, name)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with below(home, path, make=True) as (folder, last):
                aside = f"{_NEW}{next(self._numbers)}"
                os.mkdir(aside, 0o700, dir_fd=folder)
                try:
                    target = opened(aside, folder, path)
                    try:
                        self._given(principal, card, source, target, stop)
                    finally:
                        os.close(target)
                    _clear(last, folder)
                    os.rename(aside, last, src_dir_fd=folder, dst_dir_fd=folder)
                except BaseException:
                    with suppress(OSError):
                        shutil.rmtree(aside, dir_fd=folder)
                    raise
        except OSError as error:
            raise InputOutputError(f"{name} cannot be copied: {error.strerror}") from error
        return card

    def _given(
        self, principal: str, card: ModelCard, source: Path, target: int, stop: threading.Event
    ) -> None:
        reads = os.open(source, os.O_RDONLY | os.O_DIRECTORY)
        try:
            Copying(stop, links=True).folder(reads, target)
        finally:
            os.close(reads)
        if card.kind == "adapter" and card.parent is not None:
            os.mkdir("parent", 0o700, dir_fd=target)
            into = opened("parent", target, "parent")
            try:
                parent = self.card(principal, card.parent)
                self._given(principal, parent, self.path(principal, card.parent), into, stop)
            finally:
                os.close(into)

    # What there is.

    def ls(self, principal: str) -> list[ModelCard]:
        """Return the cards of all models, the newest first."""
        folders = (self._folder / principal).glob("[!.]*")
        found = [card for folder in folders if (card := cards.read(folder)) is not None]
        return sorted(found, key=lambda card: (-card.created, card.name))

    def card(self, principal: str, name: str) -> ModelCard:
        """Return a model's card, or that of the shipped model. Raises `NotFound`."""
        if name == EMBEDDED:
            return cards.shipped()
        known = _NAME.fullmatch(name)
        card = cards.read(self._folder / principal / name) if known else None
        if card is None:
            raise NotFound(f"there is no model {name!r}")
        return card

    def path(self, principal: str, name: str) -> Path:
        """Return a model's folder. Raises `NotFound`."""
        return cards.SHIPPED if name == EMBEDDED else self._place(principal, name)

    def judge(self, principal: str, name: str, verdict: Verdict) -> None:
        """Note a verdict on a card; of many the latest stay. Raises `NotFound`, and
        `InvalidArgument` for the shipped model's, which is as it is."""
        if name == EMBEDDED:
            raise InvalidArgument("nothing is noted on the shipped model's card")
        card, place = self.card(principal, name), self._place(principal, name)
        verdicts = [one for one in card.verdicts if one != verdict]
        card = replace(card, verdicts=[*verdicts, verdict][-VERDICTS:])
        try:
            cards.write(place, card)
        except OSError as error:
            raise InputOutputError(f"the verdict cannot be kept: {error.strerror}") from error

    def discard(self, principal: str, name: str, held: Collection[str]) -> None:
        """Delete a model. Raises `NotFound`, and `InvalidArgument` where it is needed."""
        if name == EMBEDDED:
            raise InvalidArgument("the shipped model stays")
        card = self.card(principal, name)
        if card.target in held:
            raise InvalidArgument(f"{name} answers calls, or a job works with it")
        children = [one.name for one in self.ls(principal) if _child(one, name)]
        if children:
            raise InvalidArgument(f"{name} is the parent of {', '.join(children)}")
        place = self._place(principal, name)
        try:
            # Out of sight at once: what a crash leaves of it is no model.
            aside = place.with_name(f"{_NEW}{next(self._numbers)}")
            place.rename(aside)
            shutil.rmtree(aside)
        except OSError as error:
            raise InputOutputError(f"{name} cannot be deleted: {error.strerror}") from error

    def _place(self, principal: str, name: str) -> Path:
        self.card(principal, name)
        return self._folder / principal / name

    def _adapt(self, folder: Path, principal: str, parent: str) -> None:
        """Let an adapter name its parent by where that lies, whatever it was called in training."""
        said = settings(folder / ADAPTER)
        where = EMBEDDED if parent == EMBEDDED else str(self._place(principal, parent))
        told = {**said, "base_model_name_or_path": where}
        cards.replace(folder / ADAPTER, json.dumps(told, indent=2).encode())

    def _swap(self, fresh: Path, place: Path) -> None:
        old = place.with_name(_OLD + place.name)
        if place.exists():
            place.rename(old)
        try:
            fresh.rename(place)
        except OSError:
            if old.exists():
                old.rename(place)
            raise
        _synced(place.parent)
        shutil.rmtree(old, ignore_errors=True)


def check(name: str) -> str:
    """Return a name that a model may have. Raises `InvalidArgument`."""
    if not _NAME.fullmatch(name) or name == EMBEDDED:
        taken = "the shipped model's" if name == EMBEDDED else "no name; use letters, digits, _ . -"
        raise InvalidArgument(f"{name!r} is {taken}")
    return name


def _copied(copying: Copying, home: Path | None, path: str, aside: Path) -> None:
    target = os.open(aside, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if home is None:
            source = _opened(path)
        else:
            try:
                with below(home, path) as (folder, name):
                    source = opened(name, folder, path)
            except FileNotFoundError:
                raise NotFound(f"there is no folder {path} in the caller's own folder") from None
        try:
            copying.folder(source, target)
        finally:
            os.close(source)
        os.fsync(target)
    finally:
        os.close(target)


def _opened(path: str) -> int:
    """Open a folder of the machine. Raises `NotFound` and `InvalidArgument`."""
    if not path.startswith("/"):
        raise InvalidArgument(f"{path!r} is no absolute path")
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        raise NotFound(f"there is no folder {path}") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InvalidArgument(f"{path!r} cannot be opened: {why}") from None


def _clear(name: str, folder: int) -> None:
    """Delete what stands in a folder under a name, and nothing that it links to."""
    with suppress(FileNotFoundError):
        try:
            os.unlink(name, dir_fd=folder)
        except (IsADirectoryError, PermissionError):
            shutil.rmtree(name, dir_fd=folder)


def _free(name: str, there: Collection[ModelCard], held: Collection[str], parent: Any) -> str:
    """Return the name that a new model gets: what is needed keeps its own."""
    needed = {card.name for card in there if card.target in held}
    needed |= {str(card.parent) for card in there if card.kind == "adapter"} | {str(parent)}
    names = itertools.chain([name], (f"{name[:59]}-{n}" for n in itertools.count(2)))
    return next(one for one in names if one not in needed)


def _child(card: ModelCard, parent: str) -> bool:
    return card.kind == "adapter" and card.parent == parent


def _synced(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
