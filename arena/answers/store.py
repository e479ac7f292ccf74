"""Files of recorded answers, one JSON object per line: reading them, and adding answers to one."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from arena.answers.record import Recorded, from_line, to_line
from arena.append_log import AppendLog, LogBusy, json_lines_tail, size_of
from arena.errors import InputError

FILE_NAME = "answers.jsonl"


class AnswerStore(AppendLog):
    """The answers in the file `path`, which this object alone may add to; see `AppendLog`.

    Raises InputError("answers_busy") while another process has the file, ("answers_unwritable") if it cannot be
    written, and as `read_recorded` does for a malformed file.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        # Protects _answers.
        self._lock = threading.Lock()
        try:
            super().__init__(self.path, json_lines_tail, most_parts=1)
        except LogBusy as error:
            message = f"Another batch is writing to {self.path}."
            raise InputError("answers_busy", message, path=str(self.path)) from error
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            answers = read_recorded(self.path) if size_of(self.path) and self.path.read_bytes().strip() else ()
        except BaseException:
            self.close()
            raise
        self._answers = {entry.key: entry for entry in answers if entry.key}

    def get(self, key: str, /) -> Recorded | None:
        """The answer with this key, also one that failed; None if there is none."""
        with self._lock:
            return self._answers.get(key)

    def append(self, entry: Recorded) -> None:
        """Saves an answer; returns once it is on disk. Raises InputError, with the file as it was, if it cannot be."""
        line = json.dumps(to_line(entry), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        try:
            self.write(line)
        except OSError as error:
            raise self._unwritable(error) from error
        with self._lock:
            self._answers[entry.key] = entry

    def _unwritable(self, error: OSError) -> InputError:
        reason = error.strerror or str(error)
        message = f"Answers cannot be saved in {self.path}: {reason}."
        return InputError("answers_unwritable", message, path=str(self.path), reason=reason)


def read_recorded(path: Path) -> tuple[Recorded, ...]:
    """The answers in `path`, in order; each line has at least `prompt_id`, `prompt`, `model` and `response`.

    Of two with the same key the later one counts. Raises InputError that names the file and the malformed line, and for
    a file without answers.
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
    """The error for a file of answers that cannot be used."""
    return InputError("answers_broken", f"{path} {what}.", path=str(path), what=what)


def _entries(path: Path, data: bytes) -> Iterator[Recorded]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise broken(path, "is not UTF-8 text") from error
    # Not splitlines: an answer may contain other line ends than this one.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield from_line(_parsed(line))
            except ValueError as error:
                raise broken(path, f"has a mistake in line {number}: {error}") from error


def _parsed(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error


def _numbered(entries: Iterable[Recorded]) -> tuple[Recorded, ...]:
    """Numbers the repeats of answers without a key; of those with the same key the last one is left."""
    repeats: Counter[tuple[str, str, str]] = Counter()
    answers: dict[object, Recorded] = {}
    for place, entry in enumerate(entries):
        if entry.key:
            answers[entry.key] = entry
            continue
        cell = entry.prompt_id, entry.prompt, entry.side.model.id
        answers[place] = replace(entry, repeat=repeats[cell])
        repeats[cell] += 1
    return tuple(answers.values())
