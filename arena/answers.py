"""Files of recorded answers, one JSON object per line: reading them, and adding answers to one."""

import json
import logging
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from arena.append_log import AppendLog, LogBusy, json_lines_tail
from arena.errors import InputError, os_error_as
from arena.recorded import Recorded, from_line, to_line
from arena.text import breaking, decoded, read_bytes

log = logging.getLogger(__name__)
FILE_NAME = "answers.jsonl"
_MOST_NAMED = 5
_LINE_START = b'{"key": "'  # of every line that `AnswerStore` writes
broken = breaking("answers_broken")


class AnswerStore(AppendLog):
    """The file of answers `path`, which this object alone may add to; see `AppendLog`. `answers` has them by key.

    Raises InputError("answers_busy") while another process has the file, ("answers_unwritable") if it cannot be
    written, and as `read_recorded` does for a malformed file.
    """

    mode, most_parts = 0o666, 1

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._writing():
            try:
                super().__init__(path)
            except LogBusy as error:
                message = f"Another batch is writing to {path}."
                raise InputError("answers_busy", message, path=str(path)) from error
        try:
            self.answers = answers_by_key(path)
        except BaseException:
            self.close()
            raise

    def append(self, entry: Recorded) -> None:
        """Saves an answer; returns once it is on disk. Raises InputError, with the file as it was, if it cannot be."""
        line = json.dumps(to_line(entry), ensure_ascii=False) + "\n"
        with self._writing():
            self.write(line.encode("utf-8", "replace"))
        self.answers[entry.key] = entry

    def _writing(self) -> AbstractContextManager[None]:
        return os_error_as("answers_unwritable", f"Answers cannot be saved in {self.path}", path=str(self.path))


def answers_of(data_dir: Path) -> Path | None:
    """The data folder's file of recorded answers, if it has any."""
    path = data_dir / FILE_NAME
    return path if path.is_file() and _text_of(path).strip() else None


def answers_by_key(path: Path) -> dict[str, Recorded]:
    """The answers in `path` that have a key, also those that failed; none if there is no such file or it is blank.

    Raises InputError as `read_recorded` does, and for any line that cannot be read.
    """
    answers, mistakes = _read(path) if path.is_file() else ((), [])
    if mistakes:
        raise broken(path, f"has a mistake in {mistakes[0]}")
    return {entry.key: entry for entry in answers if entry.key}


def read_recorded(path: Path) -> tuple[Recorded, ...]:
    """The answers in `path`, in order; each line has at least `prompt_id`, `prompt`, `model` and `response`.

    Of two with the same key the later one counts. Lines that cannot be read are left out, and the log names them.
    Raises InputError that names the file and the first such line for a file without answers.
    """
    answers, mistakes = _read(path)
    if not answers:
        raise broken(path, f"has a mistake in {mistakes[0]}" if mistakes else "holds no answers")
    if mistakes:
        named = "; ".join(mistakes[:_MOST_NAMED])
        log.warning("%s: %d lines cannot be read and are left out: %s", path, len(mistakes), named)
    return answers


def _read(path: Path) -> tuple[tuple[Recorded, ...], list[str]]:
    """The answers in a file, of those with one key the last, and its mistakes. Repeats without a key are numbered."""
    repeats: Counter[tuple[str, str, str, int]] = Counter()
    answers: dict[object, Recorded] = {}
    mistakes: list[str] = []
    # Not splitlines: a text may contain other line separators.
    for number, line in enumerate(_text_of(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = from_line(json.loads(line))
        except (ValueError, RecursionError) as error:
            is_json = not isinstance(error, (json.JSONDecodeError, RecursionError))
            mistakes.append(f"line {number}: {error if is_json else 'it is not valid JSON'}")
            continue
        if not entry.key:
            cell = entry.prompt_id, entry.prompt, entry.side.model.id, entry.turn
            entry = replace(entry, repeat=repeats[cell])
            repeats[cell] += 1
        answers[entry.key or number] = entry
    return tuple(answers.values()), mistakes


def _text_of(path: Path) -> str:
    """The text of a file, without the line that a batch is writing now or that a crash has cut."""
    data = read_bytes(path, broken)
    tail = json_lines_tail(BytesIO(data))
    last = data[tail.end :]
    is_own = last[: len(_LINE_START)] == _LINE_START[: len(last)]
    return decoded(path, data[: tail.end] if tail.kind == "torn" and is_own else data, broken)
