"""One file a command of the command line. Like app.py they put rooms together and hold no logic of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from arena.errors import ArenaError


@contextmanager
def errors_in_one_line(as_json: bool = False, **about: str) -> Iterator[None]:
    """What a person can mend is one line on stderr and exit code 2, never a traceback.

    With `as_json` it is an object on stdout as well, together with what it is `about`.
    """
    try:
        yield
    except ArenaError as error:
        if as_json:
            typer.echo(json.dumps({**about, "state": "failed", "code": error.code, "error": str(error)}))
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
