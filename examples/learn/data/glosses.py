"""Makes the glosses: what WordNet says of nouns, and which of its files each noun stands in.

    python examples/learn/data/glosses.py FOLDER      (Debian's wordnet-base: /usr/share/wordnet)

`glosses-train.jsonl` has a few labelled glosses of each of ten kinds of things,
`glosses-held-out.jsonl` a hundred of each, and `glosses.txt` others without labels, to pretrain
on. No gloss is in two of them. WordNet 3.0 is copyright 2006 by Princeton University;
its licence is in `glosses-LICENSE.txt`.
"""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path

#: WordNet's numbers of its files of nouns (lexnames(5WN)).
KINDS = {
    5: "animal", 6: "artifact", 8: "body", 10: "communication", 13: "food", 15: "location",
    18: "person", 20: "plant", 26: "state", 27: "substance",
}  # fmt: skip
HELD_OUT, LABELLED, UNLABELLED = 100, 100, 18_000


def glosses(folder: Path) -> dict[str, list[str]]:
    """Definitions of 20 to 160 characters by kind, without their examples, each once."""
    found: dict[str, dict[str, None]] = {kind: {} for kind in KINDS.values()}
    for line in (folder / "data.noun").read_text().splitlines():
        if line.startswith("  "):
            continue  # the licence
        fields, _, gloss = line.partition(" | ")
        text = re.split(r'; (?=")', gloss)[0].strip()
        kind = KINDS.get(int(fields.split()[1]))
        if kind is not None and 20 <= len(text) <= 160:
            found[kind][text] = None
    return {kind: list(texts) for kind, texts in found.items()}


def main(folder: Path, out: Path) -> None:
    """Write the three files, the same ones each time."""
    chance = random.Random(0)
    by_kind = glosses(folder)
    # A definition of several things would be in two files.
    kinds_of: dict[str, int] = {}
    for texts in by_kind.values():
        for text in texts:
            kinds_of[text] = kinds_of.get(text, 0) + 1
    parts: dict[str, list[tuple[str, str]]] = {"held-out": [], "train": []}
    rest: list[str] = []
    for kind, texts in by_kind.items():
        alone = [text for text in texts if kinds_of[text] == 1]
        chance.shuffle(alone)
        parts["held-out"] += [(text, kind) for text in alone[:HELD_OUT]]
        parts["train"] += [(text, kind) for text in alone[HELD_OUT : HELD_OUT + LABELLED]]
        rest += alone[HELD_OUT + LABELLED :]
    for name, rows in parts.items():
        chance.shuffle(rows)
        lines = [json.dumps({"text": text, "label": kind}) for text, kind in rows]
        (out / f"glosses-{name}.jsonl").write_text("\n".join(lines) + "\n")
    chance.shuffle(rest)
    (out / "glosses.txt").write_text("\n\n".join(rest[:UNLABELLED]) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent)
