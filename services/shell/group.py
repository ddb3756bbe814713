"""Groups of commands that say of each what it does, in full.

Interface:
    Group       the class of a group: `@click.group(cls=Group)`
"""

from __future__ import annotations

import click

#: Characters of a command's first sentence, which is never cut at less.
_SENTENCE = 400


class Group(click.Group):
    """A group that wraps the lines of its commands where click would cut them."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [
            (name, command.get_short_help_str(_SENTENCE))
            for name, command in sorted(self.commands.items())
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
