"""Reads prompt sets from files, and turns an entry of one, or the boxes of a form, into a Prompt and back.

The functions for entries raise ValueError that says what is wrong.
"""

import csv
import io
import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arena.errors import InputError
from arena.prompts.prompt import DIMENSIONS, Prompt, is_text, parse_reference, to_json
from arena.text import breaking, clean, decoded, id_text, one_line_end, read_bytes

_REQUIRED = {"id", "dimension", "title", "prompt"}
_OPTIONAL = {"more", "category", "reference"}
LONGEST_DIMENSION = 40
# Separates several texts in one cell of a CSV.
_SEPARATOR = "|"
_TITLE_WIDTH = 40
# The cells of a row beyond its columns.
_REST = "\0"
# The dimension of each category of MT-bench and of FastChat's sets.
_DIMENSION_OF = {name: name for name in DIMENSIONS} | {
    "math": "reasoning",
    "extraction": "reasoning",
    "stem": "knowledge",
    "humanities": "knowledge",
    "writing": "generation",
    "roleplay": "generation",
    "coding": "generation",
    "translation": "multilingual",
}


def full_prompt(entry: Any, _number: int) -> Prompt:
    """A prompt in the project's own format, which must have everything that the page shows."""
    if not isinstance(entry, dict) or not _REQUIRED <= set(entry) <= _REQUIRED | _OPTIONAL:
        raise ValueError(
            f"it needs the keys {', '.join(sorted(_REQUIRED))}, may have {', '.join(sorted(_OPTIONAL))}, and no others"
        )
    title = entry["title"]
    if not isinstance(title, dict) or set(title) != {"zh", "en"} or not all(map(is_text, title.values())):
        raise ValueError("the title needs a text for zh and for en")
    if not is_text(entry["id"]):
        raise ValueError("id and prompt must be texts")
    dimension = _dimension(entry["dimension"])
    return _prompt(entry["id"], dimension, title, [entry["prompt"], *_texts(entry, "more")], entry)


def imported_prompt(entry: Any, number: int) -> Prompt:
    """A prompt of a foreign set: FastChat's keys, or the project's, of which only the text is required.

    `number` counts entries from 1 and serves as the id if there is none.
    """
    if not isinstance(entry, dict):
        raise ValueError("it is not an object")
    # pandas writes NaN for what is missing, and fractions for whole numbers.
    entry = {name: value for name, value in entry.items() if value is not None and value == value}
    if "turns" in entry:
        entry = _of_fastchat(entry)
    ids = entry.get("id"), entry.get("uid"), f"p{number}"
    prompt_id = id_text(next(value for value in ids if value not in (None, "")))
    turns = [entry.get("prompt"), *_texts(entry, "more")]
    dimension = entry.get("dimension")
    dimension = _dimension(dimension) if dimension else _DIMENSION_OF.get(str(entry.get("category")).lower(), "")
    title = entry.get("title")
    if not isinstance(title, dict) or not all(is_text(title.get(lang)) for lang in ("zh", "en")):
        name = f"{prompt_id} {_first_words(str(title if is_text(title) else turns[0]))}"
        title = {"zh": name, "en": name}
    return _prompt(prompt_id, dimension, title, turns, _cells(entry))


def to_entry(prompt: Prompt) -> dict[str, Any]:
    """The prompt as an object that `imported_prompt` reads; without what the prompt does not have."""
    reference = to_json(prompt.reference) if prompt.reference else None
    entry = {"id": prompt.id, "dimension": prompt.dimension, "title": dict(prompt.title), "prompt": prompt.text}
    more = {"more": list(prompt.more), "category": prompt.category, "reference": reference}
    return entry | {key: value for key, value in more.items() if value}


def to_form(prompt: Prompt) -> dict[str, str]:
    """What is in the boxes: `prompt`, the titles `zh` and `en`, `dimension`, a good `answer`, and the `rest` as JSON.

    Line ends are as a browser sends them.
    """
    entry = to_entry(prompt)
    answer = entry.get("reference", {}).pop("text", "")
    rest = {key: value for key, value in entry.items() if key in _OPTIONAL and value}
    boxes = {"prompt": prompt.text, **prompt.title, "dimension": prompt.dimension, "answer": answer}
    boxes["rest"] = json.dumps(rest, ensure_ascii=False, indent=1) if rest else ""
    return {name: one_line_end(words) for name, words in boxes.items()}


def from_form(boxes: Mapping[str, str], old: Prompt) -> Prompt:
    """The prompt that `old` becomes; only its text is required. Raises InputError that says what is wrong."""
    words = {name: box if box.strip() else "" for name, box in boxes.items()}
    if not words["prompt"]:
        raise InputError("prompt_empty", "The prompt is empty.")
    try:
        entry = json.loads(words["rest"] or "{}")
        if not isinstance(entry, dict) or not set(entry) <= _OPTIONAL:
            raise ValueError(f"the JSON needs one or more of the keys {', '.join(sorted(_OPTIONAL))}, and no others")
        if words["answer"]:
            entry["reference"] = {**entry.get("reference", {}), "text": words["answer"]}
        title = words["zh"] or words["en"] or _first_words(words["prompt"])
        entry["title"] = {"zh": title, "en": words["en"] or title}
        # Otherwise a text whose line ends the browser has changed would count as a new text.
        entry["prompt"] = old.text if words["prompt"] == to_form(old)["prompt"] else words["prompt"]
        return imported_prompt({**entry, "id": old.id, "dimension": words["dimension"]}, 0)
    except (ValueError, TypeError, RecursionError) as error:
        what = str(error)
        if isinstance(error, json.JSONDecodeError):
            what = f"line {error.lineno} of the JSON is not valid"
        raise InputError("prompt_wrong", f"The prompt has a mistake: {what}.", what=what) from error


def table_row(row: Mapping[str | None, Any], number: int) -> Prompt:
    """A prompt in a row of a csv.DictReader; see `imported_prompt`."""
    if _REST in row or None in row.values():  # how csv.DictReader marks such rows
        raise ValueError("it has more or fewer cells than there are columns")
    return imported_prompt(dict(row), number)


def _of_fastchat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry with FastChat's keys as one with the project's."""
    turns, question = entry["turns"], entry.get("question_id", entry.get("uid"))
    if not isinstance(turns, list) or not turns:
        raise ValueError("turns must be a list of texts")
    # Arena-Hard's turns are objects.
    first, *more = [turn.get("content") if isinstance(turn, dict) else turn for turn in turns]
    if isinstance(question, bool) or not isinstance(question, (int, float, str)) or not id_text(question).strip():
        raise ValueError("question_id must be a number or a text")
    answers = entry.get("reference", [])
    answers = [answers] if isinstance(answers, str) else answers
    if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
        raise ValueError("reference must be a text or a list of texts")
    reference = {"text": "\n\n".join(filter(is_text, answers))} if any(map(is_text, answers)) else None
    category = str(entry.get("category") or "")
    return {"id": id_text(question), "prompt": first, "more": more, "category": category, "reference": reference}


def _prompt(
    prompt_id: str, dimension: str, title: Mapping[str, str], turns: list[Any], details: Mapping[str, Any]
) -> Prompt:
    if not all(map(is_text, turns)):
        raise ValueError("id and prompt must be texts")
    category = details.get("category", "")
    if not isinstance(category, str):
        raise ValueError("the category must be a text")
    reference = None if details.get("reference") is None else parse_reference(details["reference"])
    first, *more = [clean(turn) for turn in turns]
    return Prompt(clean(prompt_id), dimension, title, first, tuple(more), clean(category), reference)


def _dimension(value: Any) -> str:
    """One of DIMENSIONS, in lower case, or a short name that only this set uses."""
    name = " ".join(clean(value).split()) if isinstance(value, str) else ""
    if not 0 < len(name) <= LONGEST_DIMENSION:
        usual = ", ".join(DIMENSIONS)
        raise ValueError(f"the dimension must be {usual}, or another name of at most {LONGEST_DIMENSION} characters")
    return name.casefold() if name.casefold() in DIMENSIONS else name


def _first_words(text: str) -> str:
    """The beginning of a text, as a title."""
    words = textwrap.shorten(clean(text), _TITLE_WIDTH, placeholder="…")
    # A text without spaces has no words to cut between.
    return words if words != "…" else clean(text).strip()[:_TITLE_WIDTH] + "…"


def _cells(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row of a CSV with the columns of its reference as one object; other entries unchanged."""
    cells = {key: row[key] for key in ("must", "must_not", "languages") if row.get(key)}
    reference = {key: cell if isinstance(cell, list) else _split(cell) for key, cell in cells.items()}
    return {**row, "reference": reference} if reference else row


def _texts(entry: Mapping[str, Any], key: str) -> list[Any]:
    texts = entry.get(key) or []
    if isinstance(texts, str):
        texts = _split(texts)
    if not isinstance(texts, list):
        raise ValueError(f"{key} must be a list of texts")
    return texts


def _split(cell: Any) -> list[str]:
    return [part.strip() for part in str(cell).split(_SEPARATOR) if part.strip()]


# ---- files


_broken = breaking("prompts_broken")
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
    kinds = {".jsonl": (_json_lines, imported_prompt), ".csv": (_csv_rows, table_row)}
    read, parse = kinds.get(path.suffix.lower(), (_json_list, full_prompt))
    prompts: list[Prompt] = []
    lines: dict[str, int] = {}
    for line, entry in read(path, decoded(path, data, _broken)):
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


def _json_lines(path: Path, text: str) -> _Entries:
    # Not splitlines: a text may contain other line separators.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise _broken(path, f"is not valid JSON in line {number}") from error


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


def _csv_rows(path: Path, text: str) -> _Entries:
    """The rows that are not blank. Spreadsheets separate by ; or tabs as well, and add blank cells and rows."""
    csv.field_size_limit(2**31 - 1)  # a prompt may be longer than csv's own limit of 131,072 characters
    head = text.split("\n", 1)[0]
    rows = csv.DictReader(
        io.StringIO(text, newline=""), strict=True, delimiter=max(",;\t", key=head.count), restkey=_REST
    )
    line = 1
    try:
        rows.fieldnames = [name.strip().lower() for name in rows.fieldnames or ()]
        if "prompt" not in rows.fieldnames:
            raise _broken(path, "has no column named prompt")
        line = rows.line_num + 1
        for row in rows:
            if not any(row.get(_REST, [])):
                row.pop(_REST, None)
            row.pop("", None)
            if any(str(cell or "").strip() for cell in row.values()):
                yield line, row
            line = rows.line_num + 1
    except csv.Error as error:
        raise _broken(path, f"is not valid CSV in line {line} ({error})") from error
