"""Recorded answers, and their files of one JSON object per line: reading them, and adding answers to one."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from arena.append_log import AppendLog, LogBusy, json_lines_tail
from arena.errors import ErrorInfo, InputError, os_error_as
from arena.generation_config import GenerationConfig
from arena.text import clean, json_lines, read_text
from arena.types import Answer, FinishReason, Message, ModelSpec, Role, Side, Usage

FILE_NAME = "answers.jsonl"
_REQUIRED = ("prompt_id", "prompt", "model", "response")
_MODEL_TEXTS = ("family", "runtime", "precision", "revision", "licence", "licence_url")


@dataclass(frozen=True)
class Recorded:
    """One model's answer to one turn of a prompt.

    `prompt` is the first message of the conversation; `repeat` counts from 0 the runs of the prompt, `turn` from 1 the
    answers in one run. `key` is that of `answer_key`, "" for an answer from elsewhere. `memory` is the memory of the
    process at the end in bytes, `machine` describes the machine and `time` is the end in Unix seconds, if known.
    """

    prompt_id: str
    prompt: str
    side: Side
    repeat: int = 0
    turn: int = 1
    key: str = ""
    memory: int | None = None
    machine: Mapping[str, Any] = field(default_factory=dict)
    time: float | None = None

    @property
    def failed(self) -> bool:
        """Whether the answer ended with an error."""
        return self.side.answer.finish_reason == "error"


def answer_key(model: ModelSpec, messages: Sequence[Message], config: GenerationConfig, repeat: int) -> str:
    """64 hexadecimal digits that identify the request: the same whenever the same is asked in the same way."""
    request = [
        [model.id, model.revision, model.precision],
        [[message.role, message.content] for message in messages],
        config.as_dict(),
        repeat,
    ]
    return hashlib.sha256(json.dumps(request, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def to_line(entry: Recorded) -> dict[str, Any]:
    """The answer as an object that `from_line` reads. Leaves out the path of the model on this machine."""
    side, answer, usage = entry.side, entry.side.answer, entry.side.answer.usage
    line: dict[str, Any] = {
        "key": entry.key,
        "prompt_id": entry.prompt_id,
        "prompt": side.messages[-1].content,
        "model": side.model.id,
        "response": answer.text,
        "seconds": usage.seconds,
        "tokens": usage.new_tokens,
        "truncated": answer.finish_reason == "length",
        "turn": entry.turn,
        "repeat": entry.repeat,
        "name": side.model.name,
        **{name: getattr(side.model, name) for name in _MODEL_TEXTS},
        "context_length": side.model.context_length,
        "messages": [{"role": message.role, "content": message.content} for message in side.messages],
        "config": side.config.as_dict() if side.config else None,
        "reasoning": answer.reasoning,
        "finish_reason": answer.finish_reason,
        "prompt_tokens": usage.prompt_tokens,
        "first_token_seconds": usage.first_token_seconds,
        "thinking_tokens": usage.thinking_tokens,
        "joules": usage.joules,
        "memory": entry.memory,
        "machine": dict(entry.machine),
        "time": entry.time,
    }
    if answer.refused:
        line["refused"] = list(answer.refused)
    if answer.error:
        details = {name: str(value) for name, value in answer.error.details.items()}
        line["error"] = {"code": answer.error.code, "message": answer.error.message, "details": details}
    return line


def from_line(line: Any) -> Recorded:
    """The answer in the object of a line. Unknown keys are ignored; only `_REQUIRED` must be there.

    Raises ValueError that says what is wrong.
    """
    if not isinstance(line, dict):
        raise ValueError("it is not a JSON object")
    for name in _REQUIRED:
        if not isinstance(line.get(name), str) or not (line[name].strip() or name == "response"):
            raise ValueError(f"{name} must be a text")
    seconds = _count(line, "seconds", float), _count(line, "first_token_seconds", float)
    tokens = _count(line, "tokens", int), _count(line, "prompt_tokens", int)
    messages = _messages(line)
    machine = line.get("machine") or {}
    if not isinstance(machine, dict):
        raise ValueError("machine must be an object")
    reason = line.get("finish_reason")
    if reason is None:
        reason = "length" if line.get("truncated") is True else "stop"
    answer = Answer(
        clean(line["response"]),
        clean(_text(line, "reasoning")),
        refused=tuple(map(str, line.get("refused") or ())),
        finish_reason=_choice("finish_reason", reason, get_args(FinishReason)),
        error=_error(line),
        usage=Usage(
            *tokens[::-1],
            *seconds[::-1],
            thinking_tokens=_count(line, "thinking_tokens", int),
            joules=_count(line, "joules", float),
        ),
    )
    return Recorded(
        clean(line["prompt_id"]),
        next(message.content for message in messages if message.role == "user"),
        Side(_model(line), messages, _config(line), answer),
        _count(line, "repeat", int) or 0,
        _count(line, "turn", int) or 1,
        _text(line, "key"),
        _count(line, "memory", int),
        machine,
        _count(line, "time", float),
    )


def _model(line: Mapping[str, Any]) -> ModelSpec:
    model = clean(line["model"]).strip()
    texts = {name: clean(_text(line, name)) for name in _MODEL_TEXTS}
    texts["runtime"] = texts["runtime"] or "recorded"
    length = _count(line, "context_length", int)
    return ModelSpec(model, clean(_text(line, "name")) or model, source="", context_length=length or 0, **texts)  # type: ignore[arg-type]


def _messages(line: Mapping[str, Any]) -> tuple[Message, ...]:
    """The messages up to and including the prompt."""
    if line.get("messages") is None:
        return (Message("user", clean(line["prompt"])),)
    entries = line["messages"]
    try:
        messages = tuple(
            Message(_choice("a role", entry["role"], get_args(Role)), clean(entry["content"])) for entry in entries
        )
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("messages must be a list of objects with role and content") from error
    if not messages or messages[-1] != Message("user", clean(line["prompt"])):
        raise ValueError("messages must end with the prompt")
    return messages


def _config(line: Mapping[str, Any]) -> GenerationConfig | None:
    if line.get("config") is None:
        return None
    try:
        return GenerationConfig().with_settings(line["config"])
    except (InputError, TypeError) as error:
        raise ValueError(f"config is wrong: {error}") from error


def _choice(name: str, value: Any, choices: Sequence[str]) -> Any:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}")
    return value


def _error(line: Mapping[str, Any]) -> ErrorInfo | None:
    error = line.get("error")
    if error is None:
        return None
    if not isinstance(error, dict) or not isinstance(error.get("details", {}), dict):
        raise ValueError("error must be an object")
    return ErrorInfo(_text(error, "code"), _text(error, "message"), error.get("details", {}))


def _text(line: Mapping[str, Any], name: str) -> str:
    value = line.get(name)
    if value is not None and not isinstance(value, (str, int, float)):
        raise ValueError(f"{name} must be a text")
    return "" if value is None else str(value)


def _count(line: Mapping[str, Any], name: str, kind: type) -> Any:
    """A number of at least 0, or None. Python's JSON also accepts NaN and infinities, which are refused."""
    value = line.get(name)
    if value is None:
        return None
    allowed, words = ((int, float), "number") if kind is float else ((int,), "whole number")
    if isinstance(value, bool) or not isinstance(value, allowed) or not 0 <= value < float("inf"):
        raise ValueError(f"{name} must be a {words} of 0 or more")
    return value


# ---- files


class AnswerStore(AppendLog):
    """The file of answers `path`, which this object alone may add to; see `AppendLog`. `answers` has them by key.

    Raises InputError("answers_busy") while another process has the file, ("answers_unwritable") if it cannot be
    written, and as `read_recorded` does for a malformed file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._writing():
            try:
                super().__init__(path, json_lines_tail, most_parts=1)
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
        line = json.dumps(to_line(entry), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        with self._writing():
            self.write(line)
        self.answers[entry.key] = entry

    def _writing(self) -> AbstractContextManager[None]:
        return os_error_as("answers_unwritable", f"Answers cannot be saved in {self.path}", path=str(self.path))


def answers_of(data_dir: Path) -> Path | None:
    """The data folder's file of recorded answers, if it has any."""
    path = data_dir / FILE_NAME
    return path if path.is_file() and path.stat().st_size else None


def answers_by_key(path: Path) -> dict[str, Recorded]:
    """The answers in `path` that have a key, also those that failed; none if there is no such file or it is blank.

    Raises InputError as `read_recorded` does.
    """
    return {entry.key: entry for entry in _numbered(_entries(path)) if entry.key} if path.is_file() else {}


def read_recorded(path: Path) -> tuple[Recorded, ...]:
    """The answers in `path`, in order; each line has at least `prompt_id`, `prompt`, `model` and `response`.

    Of two with the same key the later one counts. Raises InputError that names the file and the malformed line, and for
    a file without answers.
    """
    answers = _numbered(_entries(path))
    if not answers:
        raise broken(path, "holds no answers")
    return answers


def broken(path: Path, what: str) -> InputError:
    """The error for a file of answers that cannot be used."""
    return InputError("answers_broken", f"{path} {what}.", path=str(path), what=what)


def _entries(path: Path) -> Iterator[Recorded]:
    for number, line in json_lines(path, read_text(path, broken), broken):
        try:
            yield from_line(line)
        except ValueError as error:
            raise broken(path, f"has a mistake in line {number}: {error}") from error


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
