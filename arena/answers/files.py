"""The answers in a file, whoever wrote it. Knows nothing of what a line means."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from arena.answers.lines import from_line
from arena.answers.record import Recorded
from arena.errors import InputError


def read_recorded(path: Path) -> tuple[Recorded, ...]:
    """The answers in `path`, in their order: `prompt_id`, `prompt`, `model` and `response` on each line, and what else
    is known; see `arena.answers.lines`.

    Of two with one key the later one counts. Raises InputError naming the file and the line that is wrong, and for a
    file without answers.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise broken(path, f"cannot be read ({error.strerror})") from error
    answers = _numbered(_entries(path, data))
    if not answers:
        raise broken(path, "holds no answers")
    return answers


def broken(path: Path, what: str) -> InputError:
    """What is said of a file of answers that cannot be used."""
    return InputError("answers_broken", f"{path} {what}.", path=str(path), what=what)


def _entries(path: Path, data: bytes) -> Iterator[Recorded]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise broken(path, "is no UTF-8 text") from error
    # Not splitlines: an answer may hold other ends of lines than this one.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield from_line(_object(line))
            except ValueError as error:
                raise broken(path, f"has a mistake in line {number}: {error}") from error


def _object(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no JSON") from error


def _numbered(entries: Iterable[Recorded]) -> tuple[Recorded, ...]:
    """Answers made elsewhere get the number of their repeat; of the store's own the last one of each key is left."""
    seen: Counter[tuple[str, str, str]] = Counter()
    found: dict[object, Recorded] = {}
    for place, entry in enumerate(entries):
        if entry.key:
            found[entry.key] = entry
            continue
        cell = entry.prompt_id, entry.prompt, entry.side.model.id
        found[place] = replace(entry, repeat=seen[cell])
        seen[cell] += 1
    return tuple(found.values())
