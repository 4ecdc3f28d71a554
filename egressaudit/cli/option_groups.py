"""Options under headings: the `--help` of a command that has many of them.

In: the parameter that each heading comes before. Out: a click command whose help has these sections, e.g.

    @click.command(cls=GroupedCommand, headings={"hosts": "Hosts", "sources": "Sources"})
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

_COLUMN = 24
"""Characters of an option's name and value before its words, the same in every group, so that they align."""


class GroupedCommand(click.Command):
    """A command whose help lists its options in groups."""

    def __init__(self, *args: Any, headings: Mapping[str, str], **kwargs: Any) -> None:
        """`headings` maps the name of a group's first parameter to the group's heading."""
        super().__init__(*args, **kwargs)
        self._headings = headings

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One section for each group, in the order of the options."""
        heading = "Options"
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            heading = self._headings.get(parameter.name or "", heading)
            record = parameter.get_help_record(ctx)
            if isinstance(parameter, click.Option) and record is not None:
                groups.setdefault(heading, []).append(record)
        for title, rows in groups.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(_COLUMN), words) for name, words in rows], col_max=_COLUMN)
