"""Reads a text once, then asks it several things in branches that share its pages.

aos run examples/branches.py --task "Store 42 as budget. Then tell me the time."
"""

from __future__ import annotations

from llmagentos import OS

OPENINGS = ("The answer is", "Stored", "I have no tool")


async def main(os: OS, task: str | None) -> None:
    told = task or "What is 6 times 7?"
    trunk = await os.model.open(messages=[{"role": "user", "content": told}])
    print(f"read {trunk.tokens} tokens into {trunk.pages} pages")
    branches = await os.model.fork(trunk.context, len(OPENINGS))
    for branch, opening in zip(branches, OPENINGS, strict=True):
        await os.model.append(branch.context, text=opening)
        reply = await os.model.generate(branch.context, max_tokens=12)
        print(f"{opening!r} goes on {reply.content!r}")
    scores = await os.model.score(list(OPENINGS), context=trunk.context)
    for score, opening in sorted(
        zip(scores.scores, OPENINGS, strict=True), key=lambda s: -s[0].logprob
    ):
        print(f"{score.logprob:8.2f}  {opening}")
    held = await os.model.pages()
    print(f"{held.total - held.free} of {held.total} pages in use, {held.cached} of them cached")
