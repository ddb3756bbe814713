"""Reads a request once, then weighs several first steps and follows the likeliest ones in branches
that share its pages.

    aos run examples/branches.py --task "Store 42 as budget"
"""

from __future__ import annotations

from llmagentos import OS

TOOLS = ("calculator", "memory_put", "memory_get", "file_read", "clock")
FOLLOWED = 2


async def main(os: OS, task: str | None) -> None:
    known = {tool.name: tool.schema() for tool in await os.tool.ls(only=list(TOOLS))}
    tools = [known[name] for name in TOOLS if name in known]
    told = [{"role": "user", "content": task or "What is 6 times 7?"}]
    trunk = await os.model.open(messages=told, tools=tools)
    print(f"read {trunk.tokens} tokens into {trunk.pages} pages")
    steps = [f'<tool_call>{{"name": "{name}' for name in TOOLS]
    scores = await os.model.score(steps, context=trunk.context)
    ranked = sorted(zip(scores.scores, steps, strict=True), key=lambda pair: -pair[0].logprob)
    for score, step in ranked:
        print(f"{score.logprob:8.2f}  {step}")
    branches = await os.model.fork(trunk.context, FOLLOWED)
    for branch, (_, step) in zip(branches, ranked, strict=False):
        await os.model.append(branch.context, text=step)
        reply = await os.model.generate(branch.context, max_tokens=40, stop=["</tool_call>"])
        print(f"{step}{reply.content}")
    held = await os.model.pages()
    print(f"{held.total - held.free} of {held.total} pages in use, {held.cached} of them cached")
