"""The commands of the command line, one file each."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import NoReturn

from arena.errors import ArenaError, ErrorInfo, InputError

INTERRUPTED = 130


@contextmanager
def errors_in_one_line(as_json: bool = False, **about: str) -> Iterator[None]:
    """Turns an ArenaError into one line on stderr and exit code 2; see `print_error`."""
    try:
        yield
    except ArenaError as error:
        print_error(error, as_json, **about)
        raise SystemExit(2) from error


def print_error(error: ArenaError, as_json: bool = False, **about: str) -> None:
    """Prints one line on stderr in the system's language. With `as_json` also an object on stdout, in English, with the
    fields of `about` and the details of which a translation is made."""
    from ui.texts import error_text, language_of_system, text

    if as_json:
        failure = {"state": "failed", "code": error.code, "error": str(error), "details": error.details}
        print(json.dumps({**about, **failure}, default=_plain))
    lang = language_of_system(os.environ)
    print(text(lang, "command_error", line=str(error) if lang == "en" else error_text(lang, error)), file=sys.stderr)


def _plain(detail: object) -> object:
    return asdict(detail) if isinstance(detail, ErrorInfo) else str(detail)


def end_without_package(error: ModuleNotFoundError) -> NoReturn:
    """Ends the program with one line that says how to install what is missing."""
    install = "run .venv/bin/python app.py, or install: python -m pip install -r requirements.txt"
    message = f"The package {error.name} is not installed for this Python: {install}"
    try:
        print_error(InputError("not_installed", message, name=error.name, install=install))
    except ModuleNotFoundError:  # the texts need packages too
        print(f"Error: {message}", file=sys.stderr)
    raise SystemExit(2) from None


@contextmanager
def resumable() -> Iterator[None]:
    """Turns Ctrl-C into a line that says how to continue."""
    try:
        yield
    except KeyboardInterrupt:
        print("Stopped. Run the same command again to resume.", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
