"""Reads prompt sets from JSON, JSON Lines and CSV files."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arena.errors import InputError
from arena.prompts.entry import full_prompt, imported_prompt, table_row
from arena.prompts.prompt import Prompt
from arena.text import Broken, decoded, json_lines, read_bytes

# The line of each entry, counted from 1, and the entry.
_Entries = Iterator[tuple[int, Any]]


def load_prompts(path: Path) -> tuple[Prompt, ...]:
    """The prompt set in `path`, in its order.

    `.json` is a list in the project's own format; `.jsonl` has a prompt per line, with the project's keys or those of
    FastChat and MT-bench (`question_id`, `category`, `turns`, `reference`); `.csv` has a prompt per row. The last two
    require only the text. Raises InputError that names the file and the line.
    """
    return parse_prompts(path, read_bytes(path, _broken))


def parse_prompts(path: Path, data: bytes) -> tuple[Prompt, ...]:
    """The same for a file with this name and content."""
    kinds = {".jsonl": (json_lines, imported_prompt), ".csv": (_csv_rows, table_row)}
    read, parse = kinds.get(path.suffix.lower(), (_json_list, full_prompt))
    prompts: list[Prompt] = []
    lines: dict[str, int] = {}
    for line, entry in read(path, decoded(path, data, _broken), _broken):
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


def _json_list(path: Path, text: str, broken: Broken) -> _Entries:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise broken(path, f"is not valid JSON ({error})") from error
    if not isinstance(entries, list):
        raise broken(path, "holds no list of prompts")
    # Decodes the valid JSON again, one entry at a time, to find the line of each.
    decoder, place = json.JSONDecoder(), text.index("[") + 1
    for _ in entries:
        while text[place] in " \t\r\n,":
            place += 1
        begin = place
        entry, place = decoder.raw_decode(text, place)
        yield text.count("\n", 0, begin) + 1, entry


def _csv_rows(path: Path, text: str, broken: Broken) -> _Entries:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        if "prompt" not in (rows.fieldnames or ()):
            raise broken(path, "has no column named prompt")
        line = rows.line_num + 1
        for row in rows:
            yield line, row
            line = rows.line_num + 1
    except csv.Error as error:
        raise broken(path, f"is not valid CSV in line {line} ({error})") from error


def _broken(path: Path, what: str) -> InputError:
    return InputError("prompts_broken", f"{path} {what}.", path=str(path), what=what)
