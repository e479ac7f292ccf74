"""The commands of the command line, one file each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from arena.errors import ArenaError


@contextmanager
def errors_in_one_line(as_json: bool = False, **about: str) -> Iterator[None]:
    """Turns an ArenaError into one line on stderr and exit code 2.

    With `as_json` it also prints the error as an object on stdout, with the fields of `about`.
    """
    try:
        yield
    except ArenaError as error:
        if as_json:
            typer.echo(json.dumps({**about, "state": "failed", "code": error.code, "error": str(error)}))
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
