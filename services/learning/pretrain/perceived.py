"""A corpus of whatever perception reads: each file is looked at once and kept as text.

Interface:
    perceive        returns the corpus of what was seen
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ....syscalls.errors import InvalidArgument, LLMAgentOSError
from ..job import Job
from ..training.checkpoints import fingerprint
from ..training.failures import writing
from .corpus import Corpus, found
from .readers import Corrupt
from .recipe import CorpusPart


def perceive(job: Job, part: CorpusPart) -> Corpus:
    """Return a corpus with a document of each file's texts and tables. What was seen before, of the
    same files, is not looked at again.

    Raises `Corrupt` for a file that cannot be seen, unless the recipe says to pass over it.
    """
    paths = found(job.source, part.files)
    print_of = [[str(one), one.stat().st_size, one.stat().st_mtime_ns] for one in paths]
    place = job.folder / f"perceived-{fingerprint({'files': print_of})}.jsonl"
    passed: list[str] = []
    if not place.exists():
        aside = place.with_suffix(".aside")
        with writing("what was perceived"), aside.open("w") as file:
            for path in paths:
                job.check()
                try:
                    text = _look(job, path)
                except (LLMAgentOSError, OSError) as error:
                    name = path.relative_to(job.source).as_posix()
                    reason = error.message if isinstance(error, LLMAgentOSError) else error.strerror
                    if part.on_error == "fail":
                        raise Corrupt(f"{name}: {reason}") from error
                    passed.append(f"{name}: {reason}")
                    continue
                file.write(json.dumps({"text": text}) + "\n")
        aside.rename(place)
        for old in job.folder.glob("perceived-*.jsonl"):
            if old != place:
                old.unlink()
    for one in passed:
        print(f"passed over: {one}", file=sys.stderr)
    if len(passed) == len(paths):
        raise InvalidArgument(f"none of the {len(paths)} files of the corpus can be perceived")
    return Corpus(job.folder, part, [place])


def _look(job: Job, path: Path) -> str:
    seen = job.ask(job.os.perception.perceive(path.name, data=path.read_bytes()))
    if seen.truncated:
        print(
            f"{path.name}: what comes after {sum(len(one.text) for one in seen.observations)} "
            "characters is not read",
            file=sys.stderr,
        )
    return "\n".join(one.text for one in seen.observations if one.kind in ("text", "table"))
