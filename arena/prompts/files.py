"""Reads prompt sets from JSON, JSON Lines and CSV files."""

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

# The line of each entry, counted from 1, and the entry.
_Entries = Iterator[tuple[int, Any]]


def load_prompts(path: Path) -> tuple[Prompt, ...]:
    """The prompt set in `path`, in its order.

    `.json` is a list in the project's own format; `.jsonl` has a prompt per line, with the project's keys or those of
    FastChat and MT-bench (`question_id`, `category`, `turns`, `reference`); `.csv` has a prompt per row. The last two
    require only the text. Raises InputError that names the file and the line.
    """
    text = _text(path)
    kinds = {".jsonl": (_json_lines, imported_prompt), ".csv": (_csv_rows, table_row)}
    read, parse = kinds.get(path.suffix.lower(), (_json_list, full_prompt))
    prompts: list[Prompt] = []
    lines: dict[str, int] = {}
    for line, entry in read(path, text):
        try:
            prompt = parse(entry, len(prompts) + 1)
            if prompt.id in lines:
                raise ValueError(f"line {lines[prompt.id]} already has the id {prompt.id!r}")
        except ValueError as error:
            raise _broken(path, f"has a mistake in line {line} (entry {len(prompts) + 1}): {error}") from error
        lines[prompt.id] = line
        prompts.append(prompt)
    if not prompts:
        raise _broken(path, "holds no list of prompts")
    return tuple(prompts)


def _text(path: Path) -> str:
    try:
        # Not read_text, which changes line ends: those within a cell are part of a prompt.
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _broken(path, f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _broken(path, "is not UTF-8 text") from error


def _json_list(path: Path, text: str) -> _Entries:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken(path, f"is not valid JSON ({error})") from error
    if not isinstance(entries, list):
        raise _broken(path, "holds no list of prompts")
    # Decodes the valid JSON again, one entry at a time, to find the line of each.
    decoder, place = json.JSONDecoder(), text.index("[") + 1
    for _ in entries:
        while text[place] in " \t\r\n,":
            place += 1
        begin = place
        entry, place = decoder.raw_decode(text, place)
        yield text.count("\n", 0, begin) + 1, entry


def _json_lines(path: Path, text: str) -> _Entries:
    # Not splitlines: a prompt may contain other line separators.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise _broken(path, f"is not valid JSON in line {number}") from error


def _csv_rows(path: Path, text: str) -> _Entries:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        if "prompt" not in (rows.fieldnames or ()):
            raise _broken(path, "has no column named prompt")
        line = rows.line_num + 1
        for row in rows:
            yield line, row
            line = rows.line_num + 1
    except csv.Error as error:
        raise _broken(path, f"is not valid CSV in line {line} ({error})") from error


def _broken(path: Path, what: str) -> InputError:
    return InputError("prompts_broken", f"{path} {what}.", path=str(path), what=what)
