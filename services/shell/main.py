"""The `aos` command: names and short helps stand here, the rest is loaded when it is called.

Interface:
    main            the console script
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

#: By the heading in `aos --help`: command to the file that holds it and its line there.
SECTIONS = {
    "Agents": {
        "run": ("run", "Run an agent and show what it asks and says."),
        "ps": ("processes", "List agents."),
        "top": ("top", "Watch agents and devices."),
        "logs": ("processes", "Show what an agent wrote."),
        "inspect": ("processes", "Show all that is known of an agent."),
        "history": ("history", "Show what an agent has done."),
        "wait": ("processes", "Wait for agents to end; exit as the last of them."),
        "stop": ("steer", "Stop agents; without one, the daemon."),
        "kill": ("steer", "Send agents a signal."),
        "suspend": ("steer", "Halt agents and their queued model calls."),
        "resume": ("steer", "Let suspended agents go on."),
        "renice": ("steer", "Change an agent's rank, from -20 (first) to 19."),
        "rm": ("steer", "Forget agents that have ended."),
        "replay": ("replay", "Run an agent again along its record, without a daemon."),
        "fork": ("fork", "Start an agent that goes on where another one was."),
    },
    "What agents work with": {
        "model": ("model", "Show or change what the inference device runs."),
        "device": ("device", "Show devices, or change how one is scheduled."),
        "tool": ("tool", "Show, find and call tools, and connect servers of them."),
        "perceive": ("perceive", "Show what an agent sees of a file, a page or a sound."),
        "memory": ("memory", "Look at what agents remember, add to it, and clear it up."),
        "knowledge": ("knowledge", "Take documents in, tell facts, and look for both."),
        "plan": ("plan", "Look at plans with their candidates and scores, and judge them."),
        "learn": ("learn", "Train models, look at them, and let the better ones answer."),
        "reward": ("learn_episodes", "Say what an agent's work was worth."),
    },
    "Who may do what": {
        "approvals": ("approvals", "Show the calls that wait until somebody approves them."),
        "approve": ("approvals", "Let a call go on."),
        "deny": ("approvals", "Refuse a call."),
        "policy": ("rights", "Show, check and reload the policy: who may do what."),
        "token": ("token", "Make and revoke tokens for the HTTP API."),
        "revoke": ("rights", "Take rights from a process and all below it."),
        "audit": ("rights", "Show who asked for what, and what allowed or refused it."),
        "secret": ("rights", "Keep secrets for drivers, which nobody sees again."),
    },
    "The daemon": {
        "start": ("daemon", "Start the daemon."),
        "restart": ("daemon", "Stop the daemon and start it again."),
        "serve": ("daemon", "Run the daemon in the foreground."),
        "status": ("daemon", "Show how the daemon is."),
        "doctor": ("doctor", "Check that everything works, and say what to do."),
        "service": ("device", "List drivers and services."),
        "events": ("watch", "Show what happens."),
        "call": ("call", "Make any syscall by its name."),
        "syscalls": ("call", "List the syscalls, or explain one."),
    },
}
COMMANDS = {name: found for section in SECTIONS.values() for name, found in section.items()}


class Lazy(click.Group):
    """A group that loads a command's file when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"{__package__}.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # Written from the table: `aos --help` loads no command.
        width = max(map(len, COMMANDS))
        for heading, section in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([(f"{name:<{width}}", o[1]) for name, o in section.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            from .output import silence

            silence()
            return 0


_COMPLETION = """Completion, for ~/.bashrc (zsh_source and fish_source for other shells):
eval "$(_AOS_COMPLETE=bash_source aos)\""""


@click.group(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"\b\n{_COMPLETION}",
)
@click.version_option(package_name="llmagentos", prog_name="aos")
def aos() -> None:
    """LLMAgentOS runs agents the way an operating system runs processes."""


def main() -> None:
    """Run the command line; every refusal is one line on stderr and an exit code."""
    try:
        code: Any = aos(standalone_mode=False)
    except click.exceptions.Abort:
        code = 130
    except click.exceptions.Exit as leaving:
        code = leaving.exit_code
    except click.UsageError as error:
        error.show()
        code = error.exit_code
    except click.ClickException as error:
        print(f"aos: {error.format_message()}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        from .failure import explain

        code = explain(error)
    sys.exit(code if isinstance(code, int) else 0)
