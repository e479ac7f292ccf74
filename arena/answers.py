"""Recorded answers, and their files of one JSON object per line: reading them, and adding answers to one."""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any, get_args

from arena.append_log import AppendLog, LogBusy, json_lines_tail
from arena.errors import ErrorInfo, InputError, os_error_as
from arena.generation_config import GenerationConfig
from arena.text import clean, decoded, read_bytes
from arena.types import FINISH_WORDS, Answer, FinishReason, Message, ModelSpec, Role, Side, Usage

log = logging.getLogger(__name__)
FILE_NAME = "answers.jsonl"
_REQUIRED = ("prompt_id", "prompt", "model", "response")
_ALIASES = {"uid": "prompt_id", "question_id": "prompt_id", "model_id": "model"}
_MOST_NAMED = 5
_LINE_START = b'{"key": "'  # of every line that `AnswerStore` writes
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
    line = _plain(line)
    for name in _REQUIRED:
        if not isinstance(line.get(name), str) or not (line[name].strip() or name == "response"):
            raise ValueError(f"{name} must be a text")
    seconds = _count(line, "seconds", float), _count(line, "first_token_seconds", float)
    tokens = _count(line, "tokens", int), _count(line, "prompt_tokens", int)
    messages = _messages(line)
    machine = line.get("machine") or {}
    if not isinstance(machine, dict):
        raise ValueError("machine must be an object")
    reason, error = _finish(line)
    answer = Answer(
        clean(line["response"]),
        clean(_text(line, "reasoning")),
        refused=tuple(map(str, line.get("refused") or ())),
        finish_reason=reason,
        error=_error(line) or error,
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


def _plain(line: Mapping[str, Any]) -> dict[str, Any]:
    """The line as this project writes it, if pandas, datasets or Arena-Hard did.

    They write NaN for what is missing, fractions for whole numbers, and numbers for ids; an answer that is missing has
    failed.
    """
    failed = {"response": "", "finish_reason": "no answer"} if "response" in line and _missing(line["response"]) else {}
    plain = {_ALIASES.get(name, name): value for name, value in line.items() if not _missing(value)}
    if isinstance(plain.get("prompt_id"), (int, float)) and not isinstance(plain["prompt_id"], bool):
        plain["prompt_id"] = f"{plain['prompt_id']:.15g}"
    if isinstance(config := plain.get("config"), dict):
        plain["config"] = {name: _whole(value) for name, value in config.items() if not _missing(value)}
    messages = plain.get("messages")
    if "response" not in line and isinstance(messages, list) and len(messages) > 1 and isinstance(messages[-1], dict):
        *plain["messages"], last = messages
        content = last.get("content")
        plain["response"] = content.get("answer") if isinstance(content, dict) else content
        plain["prompt"] = messages[-2].get("content") if isinstance(messages[-2], dict) else None
    return plain | failed


def _missing(value: object) -> bool:
    return value is None or value != value  # NaN


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _finish(line: Mapping[str, Any]) -> tuple[FinishReason, ErrorInfo | None]:
    """How the answer ended, and the error for a word that is no normal end."""
    word = line.get("finish_reason")
    if word is None:
        return ("length" if line.get("truncated") in (True, 1) else "stop"), None
    if word in get_args(FinishReason):
        return word, None
    if not isinstance(word, str):
        raise ValueError(f"finish_reason must be one of {', '.join(get_args(FinishReason))}")
    if finish := FINISH_WORDS.get(word.lower()):
        return finish, None
    return "error", ErrorInfo("backend_failed", f"The answer did not end normally ({word}).", {"reason": word})


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
    """A number of at least 0, or None. Python's JSON also accepts infinities, which are refused."""
    value = line.get(name)
    if value is None:
        return None
    allowed, words = ((int, float), "number") if kind is float else ((int,), "whole number")
    value = _whole(value) if kind is int else value
    if isinstance(value, bool) or not isinstance(value, allowed) or not 0 <= value < float("inf"):
        raise ValueError(f"{name} must be a {words} of 0 or more")
    return value


# ---- files


class AnswerStore(AppendLog):
    """The file of answers `path`, which this object alone may add to; see `AppendLog`. `answers` has them by key.

    Raises InputError("answers_busy") while another process has the file, ("answers_unwritable") if it cannot be
    written, and as `read_recorded` does for a malformed file.
    """

    mode = 0o666

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
    return path if path.is_file() and _text_of(path).strip() else None


def answers_by_key(path: Path) -> dict[str, Recorded]:
    """The answers in `path` that have a key, also those that failed; none if there is no such file or it is blank.

    Raises InputError as `read_recorded` does.
    """
    return {entry.key: entry for entry in _numbered(_entries(path)) if entry.key} if path.is_file() else {}


def read_recorded(path: Path) -> tuple[Recorded, ...]:
    """The answers in `path`, in order; each line has at least `prompt_id`, `prompt`, `model` and `response`.

    Of two with the same key the later one counts. Lines that cannot be read are left out, and the log names them.
    Raises InputError that names the file and the first such line for a file without answers.
    """
    mistakes: list[str] = []
    answers = _numbered(_entries(path, mistakes))
    if not answers:
        raise broken(path, f"has a mistake in {mistakes[0]}" if mistakes else "holds no answers")
    if mistakes:
        named = "; ".join(mistakes[:_MOST_NAMED])
        log.warning("%s: %d lines cannot be read and are left out: %s", path, len(mistakes), named)
    return answers


def broken(path: Path, what: str) -> InputError:
    """The error for a file of answers that cannot be used."""
    return InputError("answers_broken", f"{path} {what}.", path=str(path), what=what)


def _entries(path: Path, mistakes: list[str] | None = None) -> Iterator[Recorded]:
    """The answers in a file. What cannot be read goes into `mistakes`; without a list it raises InputError."""
    # Not splitlines: a text may contain other line separators.
    for number, line in enumerate(_text_of(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield from_line(json.loads(line))
        except (ValueError, RecursionError) as error:
            is_json = not isinstance(error, (json.JSONDecodeError, RecursionError))
            mistake = f"line {number}: {error if is_json else 'it is not valid JSON'}"
            if mistakes is None:
                raise broken(path, f"has a mistake in {mistake}") from error
            mistakes.append(mistake)


def _text_of(path: Path) -> str:
    """The text of a file, without the line that a batch is writing now or that a crash has cut."""
    data = read_bytes(path, broken)
    tail = json_lines_tail(BytesIO(data))
    last = data[tail.end :]
    is_own = last[: len(_LINE_START)] == _LINE_START[: len(last)]
    return decoded(path, data[: tail.end] if tail.kind == "torn" and is_own else data, broken)


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
