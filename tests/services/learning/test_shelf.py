from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmagentos.services.learning import shelf as shelves
from llmagentos.services.learning.shelf import Shelf
from llmagentos.syscalls.errors import AlreadyExists, InvalidArgument, NotFound

RECIPE = {"job": {"kind": "pretrain"}, "training": {"steps": 10}}


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path / "learning.db", now=itertools.count(100.0).__next__)
    yield made
    made.close()


def begin(shelf: Shelf, pid: int = 7, name: str = "small", step: int = 0, **recipe: object) -> int:
    return shelf.begin(
        "ann", pid, "pretrain", name, RECIPE | recipe, total=10, step=step, folder="/home/small"
    )


def test_job_is_found_as_it_reports_itself(shelf: Shelf) -> None:
    job = begin(shelf)
    shelf.report("ann", 7, job, 1, {"loss": 3.0, "rate": 0.5}, None)
    shelf.report("ann", 7, job, 2, {"loss": 2.0}, 12)
    found = shelf.get("ann", job)
    assert (found.state, found.step, found.total, found.recipe) == ("running", 2, 12, RECIPE)
    assert found.metrics == {"loss": 2.0, "rate": 0.5} and found.folder == "/home/small"
    shelf.finish("ann", 7, job, "failed", "no more data")
    found = shelf.get("ann", job)
    assert (found.state, found.reason) == ("failed", "no more data") and found.ended is not None


def test_only_the_process_that_began_a_job_speaks_for_it(shelf: Shelf) -> None:
    job = begin(shelf)
    for principal, pid in (("ann", 8), ("bob", 7)):
        with pytest.raises(NotFound):
            shelf.report(principal, pid, job, 1, {"loss": 0.0}, None)
        with pytest.raises(NotFound):
            shelf.finish(principal, pid, job, "succeeded", None)
        with pytest.raises(NotFound):
            shelf.gave(principal, pid, job, "model")
    assert shelf.get("ann", job).step == 0
    with pytest.raises(NotFound):
        shelf.get("bob", job)
    assert shelf.ls("bob", 10) == []


def test_first_word_about_the_end_counts_and_nothing_is_reported_after_it(shelf: Shelf) -> None:
    job = begin(shelf)
    shelf.finish("ann", 7, job, "stopped", "asked to end")
    shelf.finish("ann", 7, job, "succeeded", None)
    assert shelf.get("ann", job).state == "stopped"
    with pytest.raises(NotFound):
        shelf.report("ann", 7, job, 3, {}, None)


def test_job_of_the_same_name_and_recipe_goes_on_with_its_curves_up_to_the_step(
    shelf: Shelf,
) -> None:
    job = begin(shelf)
    for step in (1, 2, 3):
        shelf.report("ann", 7, job, step, {"loss": 4.0 - step}, None)
    shelf.lose(job)
    assert begin(shelf, pid=9, step=2) == job
    found = shelf.get("ann", job)
    assert (found.pid, found.state, found.since) == (9, "running", 2)
    assert found.ended is None and found.reason is None
    assert found.metrics == {"loss": 2.0}
    assert [point.step for point in shelf.curves(job, -1, None)] == [1, 2]


def test_other_recipe_name_or_a_job_that_succeeded_begins_anew(shelf: Shelf) -> None:
    job = begin(shelf)
    shelf.finish("ann", 7, job, "succeeded", None)
    again = begin(shelf)
    shelf.lose(again)
    others = [begin(shelf, name="other"), begin(shelf, data="more")]
    assert len({job, again, *others}) == 4


def test_two_processes_are_not_at_one_job(shelf: Shelf) -> None:
    job = begin(shelf)
    with pytest.raises(AlreadyExists, match="process 7"):
        begin(shelf, pid=8)
    assert begin(shelf) == job  # the same process may say it again


def test_curves_are_given_in_parts_that_end_with_a_whole_step(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelves, "POINTS", 5)
    job = begin(shelf)
    for step in range(1, 6):
        shelf.report("ann", 7, job, step, {"a": step, "b": -step}, None)
    steps: list[list[int]] = []
    after = -1
    while part := shelf.curves(job, after, None):
        steps.append([point.step for point in part])
        after = part[-1].step
    assert steps == [[1, 1, 2, 2], [3, 3, 4, 4], [5, 5]]
    assert [point.value for point in shelf.curves(job, 3, ["b"])] == [-4.0, -5.0]


def test_thinned_curve_keeps_its_ends(shelf: Shelf) -> None:
    job = begin(shelf)
    for step in range(1000):
        shelf.report("ann", 7, job, step, {"loss": step}, None)
    thinned = [point.step for point in shelf.thinned(job, 50)]
    assert thinned[0] == 0 and thinned[-1] == 999 and 45 <= len(thinned) <= 52


def test_what_is_no_number_leaves_a_gap(shelf: Shelf) -> None:
    job = begin(shelf)
    shelf.report("ann", 7, job, 1, {"loss": 1.0}, None)
    shelf.report("ann", 7, job, 2, {"loss": float("nan"), "norm": float("inf")}, None)
    assert [point.step for point in shelf.curves(job, -1, None)] == [1]
    assert shelf.get("ann", job).metrics == {"loss": 1.0}


def test_curves_recipes_and_names_are_bounded(shelf: Shelf) -> None:
    job = begin(shelf)
    for metrics in ({f"c{n}": 0.0 for n in range(300)}, {"x" * 65: 0.0}, {"": 0.0}):
        with pytest.raises(InvalidArgument):
            shelf.report("ann", 7, job, 1, metrics, None)
    with pytest.raises(InvalidArgument):
        begin(shelf, name="big", text="x" * 300_000)


def test_models_of_a_job_are_named_once(shelf: Shelf) -> None:
    job = begin(shelf)
    for name in ("one", "two", "one"):
        shelf.gave("ann", 7, job, name)
    assert shelf.get("ann", job).models == ["one", "two"]


def test_jobs_outlive_the_service_and_a_file_that_is_no_database_is_put_aside(
    tmp_path: Path,
) -> None:
    path = tmp_path / "learning.db"
    first = Shelf(path)
    job = begin(first)
    first.close()
    second = Shelf(path)
    assert second.running("ann") == [(job, 7)]
    second.close()
    path.write_bytes(b"no database at all, whatever its name says" * 40)
    third = Shelf(path)
    assert third.ls("ann", 10) == []
    third.close()
    assert (tmp_path / "learning.db.corrupt-1").exists()
