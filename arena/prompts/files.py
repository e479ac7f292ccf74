"""Prompt sets out of files. Knows each format's outside; `arena.prompts.entry` knows what a prompt needs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arena.errors import InputError
from arena.prompts.entry import full_prompt, imported_prompt, table_row
from arena.prompts.prompt import Prompt

# Where the line of an entry is, counted from 1, and the entry.
_Entries = Iterator[tuple[int, Any]]


def load_prompts(path: Path) -> tuple[Prompt, ...]:
    """The prompt set in `path`, in its order.

    `.json` is a set as the project's own; `.jsonl` has a prompt a line, in the project's keys or in those of FastChat
    and MT-bench (`question_id`, `category`, `turns`, `reference`); `.csv` has a `prompt` a row. The last two may leave
    out everything but the text. Raises InputError naming the file and the line that is wrong.
    """
    text = _text(path)
    kind = path.suffix.lower()
    kinds = {".jsonl": (_json_lines, imported_prompt), ".csv": (_csv_rows, table_row)}
    read, make = kinds.get(kind, (_json_list, full_prompt))
    entries = read(path, text)
    prompts: list[Prompt] = []
    lines: dict[str, int] = {}
    for line, entry in entries:
        try:
            prompt = make(entry, len(prompts) + 1)
            if prompt.id in lines:
                raise ValueError(f"line {lines[prompt.id]} has the id {prompt.id!r} already")
        except ValueError as error:
            raise _broken(path, f"has a mistake in line {line} (entry {len(prompts) + 1}): {error}") from error
        lines[prompt.id] = line
        prompts.append(prompt)
    if not prompts:
        raise _broken(path, "holds no list of prompts")
    return tuple(prompts)


def _text(path: Path) -> str:
    try:
        # Not read_text, which changes the ends of lines: those within a cell are part of a prompt.
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _broken(path, f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _broken(path, "is no UTF-8 text") from error


def _json_list(path: Path, text: str) -> _Entries:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken(path, f"is no JSON ({error})") from error
    if not isinstance(entries, list):
        raise _broken(path, "holds no list of prompts")
    # Once more, an entry at a time: the text is known to be JSON, and this tells where each begins.
    decoder, place = json.JSONDecoder(), text.index("[") + 1
    for _ in entries:
        while text[place] in " \t\r\n,":
            place += 1
        begin = place
        entry, place = decoder.raw_decode(text, place)
        yield text.count("\n", 0, begin) + 1, entry


def _json_lines(path: Path, text: str) -> _Entries:
    # Not splitlines: a prompt may hold other ends of lines than this one.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise _broken(path, f"is no JSON in line {number}") from error


def _csv_rows(path: Path, text: str) -> _Entries:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        if "prompt" not in (rows.fieldnames or ()):
            raise _broken(path, "has no column called prompt")
        line = rows.line_num + 1
        for row in rows:
            yield line, row
            line = rows.line_num + 1
    except csv.Error as error:
        raise _broken(path, f"is no CSV in line {line} ({error})") from error


def _broken(path: Path, what: str) -> InputError:
    return InputError("prompts_broken", f"{path} {what}.", path=str(path), what=what)
