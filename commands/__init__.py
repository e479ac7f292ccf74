"""One file a command of the command line. Like app.py they put rooms together and hold no logic of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from arena.errors import ArenaError


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """What a person can mend is one line on stderr and exit code 2, never a traceback."""
    try:
        yield
    except ArenaError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
