"""`aos run`: an agent from its start to its end, with what it asks of the system on stderr."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from ....syscalls.errors import LLMAgentOSError
from ....syscalls.os import OS
from ....syscalls.process import SignalName, Traced
from ..follow import follow, resumed
from ..output import as_json, halves, said, short, show_json, silence, visible
from ..session import session

#: What is no option of ours goes to the program, as does all after --.
_SETTINGS = {"ignore_unknown_options": True}


@click.command(context_settings=_SETTINGS)
@click.option("--task", help="What the agent is to do.")
@click.option("-d", "--detach", is_flag=True, help="Print its pid and leave it running.")
@click.option("--name", help="A name for people; the program's by default.")
@click.option("--rm", "remove", is_flag=True, help="Forget it at its end.")
@click.option("-e", "--env", multiple=True, metavar="KEY=VALUE", help="Set a variable.")
@click.option(
    "--env-file", type=click.Path(exists=True, dir_okay=False), help="Lines of KEY=VALUE."
)
@click.option("--nice", type=click.IntRange(-20, 19), default=0, help="-20 (first) to 19 (last).")
@click.option("--max-tokens", type=click.IntRange(0), help="Tokens that it may spend.")
@click.option("--max-cost", type=click.FloatRange(0), help="Dollars that it may spend.")
@click.option("--max-device-seconds", type=click.FloatRange(0), help="Seconds of the device.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), help="Seconds until its end.")
@click.option("--cap", multiple=True, metavar="CAPABILITY", help="Grant this and no more.")
@click.option("--cap-drop", multiple=True, metavar="CAPABILITY", help="Take this away.")
@click.option("--durable", is_flag=True, help="Start it again when it or the kernel dies.")
@click.option(
    "--in-doubt",
    type=click.Choice(["error", "ask"]),
    help="What becomes of an effect that may have happened; asked is a person.",
)
@click.option("-q", "--quiet", is_flag=True, help="Show only what the agent writes.")
@as_json
@click.argument("program", type=click.Path())
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(program: str, arguments: tuple[str, ...], **options: Any) -> int:
    """Run PROGRAM: a .py file, an agent's .toml, module:function, or after -- a command line.

    \b
      aos run examples/clerk.py --task "Store the total of 37 times 12 as budget"
      aos run -- python3 agent.py --verbose
    """
    if program.startswith("-") and program != "-":
        raise click.NoSuchOption(program)
    if "/" in program and not Path(program).is_file():
        raise click.ClickException(f"there is no program {program}")
    if program.endswith((".py", ".toml")):
        path = Path(program).resolve()
        if not path.is_file():
            raise click.ClickException(f"there is no program {program}")
        if path.suffix == ".toml" and arguments:
            raise click.UsageError(f"{program} takes no arguments, but a --task: {arguments[0]}")
        program = str(path)
    elif "/" in program or ":" not in program:
        program, arguments = "-", _command(program, arguments)
    order = {
        "program": program,
        "task": options["task"],
        "name": options["name"],
        "arguments": list(arguments),
        "capabilities": list(options["cap"]) or None,
        "drop": list(options["cap_drop"]),
        "budget": _budget(options),
        "nice": options["nice"],
        "environment": _environment(options["env"], options["env_file"]),
        "timeout": options["timeout"],
        "remove": options["remove"],
        "durable": options["durable"] or None,
        "in_doubt": options["in_doubt"],
        "traced": not (options["detach"] or options["quiet"]),
    }
    return session(lambda os: _run(os, order, options), start=True)


def _command(program: str, arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command line that means elsewhere what it means here: it starts in a folder of its
    own, and where programs are the daemon may know otherwise."""
    if shutil.which(program) is None and Path(program).exists():
        raise click.ClickException(f"{program} is neither a .py or .toml file nor an executable")
    found = _found(program)
    named = (str(Path(one).absolute()) if Path(one).is_file() else one for one in arguments)
    # Not resolved: a virtual environment is known by the place of its link to Python.
    return (str(Path(found).absolute()) if "/" in found else found, *named)


def _found(program: str) -> str:
    """Return where a program is. A shim, as of pyenv, is no program: whoever put it there knows."""
    found = shutil.which(program)
    if found is None:
        return program
    shims = Path(found).parent
    manager = shutil.which(shims.parent.name.removeprefix("."))
    if shims.name != "shims" or manager is None:
        return found
    asked = subprocess.run([manager, "which", program], capture_output=True, text=True)
    return asked.stdout.strip() if asked.returncode == 0 else found


def _budget(options: dict[str, Any]) -> dict[str, float]:
    named = {
        "tokens": options["max_tokens"],
        "money": options["max_cost"],
        "device_seconds": options["max_device_seconds"],
    }
    return {resource: bound for resource, bound in named.items() if bound is not None}


def _environment(pairs: tuple[str, ...], file: str | None) -> dict[str, str]:
    lines = [*(Path(file).read_text().splitlines() if file else ()), *pairs]
    found = {}
    for line in lines:
        key, equals, value = line.strip().partition("=")
        if line.strip() and not line.startswith("#"):
            if not equals or not key.isidentifier():
                raise click.UsageError(f"{line!r} is no KEY=VALUE")
            found[key] = value
    return found


async def _run(os: OS, order: dict[str, Any], options: dict[str, Any]) -> int:
    pid = await os.process.spawn(**order)
    if options["detach"]:
        click.echo(json.dumps({"pid": pid}) if options["as_json"] else pid)
        return 0
    try:
        async with asyncio.TaskGroup() as tasks:
            _forward(os, pid, tasks)
            tasks.create_task(_logs(os, pid))
            if order["traced"]:
                tasks.create_task(_trace(os, pid, options["as_json"]))
            ended = await os.process.wait(pid)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)
    if ended.code and not options["quiet"]:
        click.echo(f"process {pid} {ended.reason}", err=True)
    if options["as_json"]:
        show_json(ended, indent=None)
    return ended.code


def _forward(os: OS, pid: int, tasks: asyncio.TaskGroup) -> None:
    """Pass on what this command is sent; who interrupts it again kills the agent."""
    first: tuple[SignalName, ...] = ("INT",)
    interrupts = iter(first)

    async def send(number: SignalName) -> None:
        with suppress(LLMAgentOSError):
            await os.process.signal(pid, number)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(
        signal.SIGINT, lambda: tasks.create_task(send(next(interrupts, "KILL")))
    )
    loop.add_signal_handler(signal.SIGTERM, lambda: tasks.create_task(send("TERM")))


async def _logs(os: OS, pid: int) -> None:
    with suppress(LLMAgentOSError):
        try:
            async for line in follow(os, pid):
                said(line.text)
        except BrokenPipeError:
            # A program whose output nobody reads any more ends, as in any pipe.
            silence()
            await os.process.signal(pid, "TERM")


async def _trace(os: OS, pid: int, as_json: bool) -> None:
    with suppress(LLMAgentOSError):
        async for traced in resumed(os, lambda first: os.process.trace(pid)):
            if as_json:
                show_json(traced, indent=None)
            else:
                show(traced)


def show(traced: Traced) -> None:
    """Print one syscall: what was asked, what came back, how long it took."""
    style = click.style
    asked, took = _asked(traced), f"{traced.seconds * 1000:.1f} ms"
    name, colour = f"{traced.syscall:<12}", "green"
    if traced.outcome == "ok":
        answer = _answered(traced)
        if sys.stderr.isatty():
            room = shutil.get_terminal_size().columns - len(f"{name}  →   {took}")
            asked, answer = map(short, (asked, answer), halves(room, asked, answer))
    else:
        answer, colour = visible(f"{traced.outcome}: {traced.result}"), "red"
    answer = style(answer, fg=colour)
    click.echo(f"{style(name, fg='cyan')} {asked} → {answer}  {style(took, dim=True)}", err=True)


def _asked(traced: Traced) -> str:
    arguments = traced.arguments if isinstance(traced.arguments, dict) else {}
    if traced.syscall in ("model.chat", "model.stream"):
        last = (arguments.get("messages") or [{}])[-1]
        text = short(last.get("content") or "", 60)
        return f"{last.get('role', '?')}: {text} ({len(arguments.get('tools') or ())} tools)"
    if traced.syscall == "tool.call":
        return f"{arguments.get('name')}({_pairs(arguments.get('arguments') or {})})"
    return _pairs(arguments)


def _answered(traced: Traced) -> str:
    result = traced.result
    if isinstance(result, dict) and "finish_reason" in result:
        calls = [
            f"{call['function']['name']} {call['function']['arguments']}"
            for call in result.get("tool_calls") or ()
        ]
        return short("; ".join([result.get("content") or "", *calls]).strip("; "), 100)
    if isinstance(result, dict) and "text" in result:
        return short(str(result["text"]), 100)
    if isinstance(result, list):
        return f"{len(result)} entries"
    return short(json.dumps(result, ensure_ascii=False), 100)


def _pairs(arguments: dict[str, Any]) -> str:
    shown = (
        f"{key}={short(json.dumps(value, ensure_ascii=False), 60)}"
        for key, value in arguments.items()
    )
    return ", ".join(shown)
