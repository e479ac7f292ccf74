"""One recorded answer, and the JSON object that files hold of it."""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from arena.errors import ErrorInfo, InputError
from arena.generation_config import GenerationConfig
from arena.text import clean, id_text
from arena.types import FINISH_WORDS, Answer, FinishReason, Message, ModelSpec, Role, Side, Usage

_REQUIRED = ("prompt_id", "prompt", "model", "response")
_ALIASES = {"uid": "prompt_id", "question_id": "prompt_id", "model_id": "model"}
_USAGE = ("prompt_tokens", "first_token_seconds", "seconds", "thinking_tokens", "joules")
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
    side, answer = entry.side, entry.side.answer
    line: dict[str, Any] = {
        "key": entry.key,
        "prompt_id": entry.prompt_id,
        "prompt": side.messages[-1].content,
        "model": side.model.id,
        "response": answer.text,
        "tokens": answer.usage.new_tokens,
        **{name: getattr(answer.usage, name) for name in _USAGE},
        "truncated": answer.finish_reason == "length",
        "turn": entry.turn,
        "repeat": entry.repeat,
        "name": side.model.name,
        **{name: getattr(side.model, name) for name in _MODEL_TEXTS},
        "context_length": side.model.context_length,
        "messages": [message.as_dict() for message in side.messages],
        "config": side.config.as_dict() if side.config else None,
        "reasoning": answer.reasoning,
        "finish_reason": answer.finish_reason,
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
    """The answer in a line's object: `_REQUIRED` must be there, unknown keys are ignored. Raises ValueError."""
    if not isinstance(line, dict):
        raise ValueError("it is not a JSON object")
    line = _plain(line)
    if "choices" in line and "prompt" not in line:
        raise ValueError("it has choices but no prompt, as MT-bench's answers: add the prompt and the response to it")
    for name in _REQUIRED:
        if not isinstance(line.get(name), str) or not (line[name].strip() or name == "response"):
            raise ValueError(f"{name} must be a text")
    usage = {name: _count(line, name, is_whole="tokens" in name) for name in ("tokens", *_USAGE)}
    messages = _messages(line)
    if not isinstance(machine := line.get("machine") or {}, dict):
        raise ValueError("machine must be an object")
    refused = line.get("refused") or []
    if not isinstance(refused, list) or not all(isinstance(name, str) for name in refused):
        raise ValueError("refused must be a list of texts")
    reason, error = _finish(line)
    # Other tools also have a column of this name, which does not identify an answer.
    key = str(line.get("key"))
    answer = Answer(
        clean(line["response"]),
        clean(_text(line, "reasoning")),
        refused=tuple(refused),
        finish_reason=reason,
        error=error,
        usage=Usage(new_tokens=usage.pop("tokens"), **usage),
    )
    return Recorded(
        clean(line["prompt_id"]),
        next(message.content for message in messages if message.role == "user"),
        Side(_model(line), messages, _config(line), answer),
        _count(line, "repeat") or 0,
        _count(line, "turn") or 1,
        key if re.fullmatch("[0-9a-f]{64}", key) else "",
        _count(line, "memory"),
        machine,
        _count(line, "time", is_whole=False),
    )


def _plain(line: Mapping[str, Any]) -> dict[str, Any]:
    """The line as this project writes it, if pandas, datasets or Arena-Hard did.

    They write NaN for what is missing, fractions for whole numbers, numbers for ids; a missing answer has failed.
    """
    failed = {"response": "", "finish_reason": "no answer"} if "response" in line and _missing(line["response"]) else {}
    plain = {_ALIASES.get(name, name): value for name, value in line.items() if not _missing(value)}
    if isinstance(plain.get("prompt_id"), (int, float)) and not isinstance(plain["prompt_id"], bool):
        plain["prompt_id"] = id_text(plain["prompt_id"])
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
    """How the answer ended, and the error of the line, or one for a word that is no normal end."""
    error, given = None, line.get("error")
    if given is not None:
        if not isinstance(given, dict) or not isinstance(given.get("details", {}), dict):
            raise ValueError("error must be an object")
        error = ErrorInfo(_text(given, "code"), _text(given, "message"), given.get("details", {}))
    word = line.get("finish_reason", "length" if line.get("truncated") in (True, 1) else "stop")
    if word in get_args(FinishReason):
        return word, error
    if not isinstance(word, str):
        raise ValueError(f"finish_reason must be one of {', '.join(get_args(FinishReason))}")
    if finish := FINISH_WORDS.get(word.lower()):
        return finish, error
    return "error", error or ErrorInfo("backend_failed", f"The answer did not end normally ({word}).", {"reason": word})


def _model(line: Mapping[str, Any]) -> ModelSpec:
    model = clean(line["model"]).strip()
    texts: dict[str, Any] = {name: clean(_text(line, name)) for name in _MODEL_TEXTS}
    texts |= {"runtime": texts["runtime"] or "recorded", "context_length": _count(line, "context_length") or 0}
    return ModelSpec(model, clean(_text(line, "name")) or model, source="", **texts)


def _messages(line: Mapping[str, Any]) -> tuple[Message, ...]:
    """The messages up to and including the prompt."""
    prompt = Message("user", clean(line["prompt"]))
    try:
        entries = line.get("messages", [prompt.as_dict()])
        messages = tuple(Message(entry["role"], clean(entry["content"])) for entry in entries)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("messages must be a list of objects with role and content") from error
    if not all(message.role in get_args(Role) for message in messages):
        raise ValueError(f"a role must be one of {', '.join(get_args(Role))}")
    if messages[-1:] != (prompt,):
        raise ValueError("messages must end with the prompt")
    return messages


def _config(line: Mapping[str, Any]) -> GenerationConfig | None:
    if not isinstance(config := line.get("config", {}), dict):
        raise ValueError("config must be an object")
    try:
        return GenerationConfig().with_settings(config) if "config" in line else None
    except (InputError, TypeError) as error:
        raise ValueError(f"config is wrong: {error}") from error


def _text(line: Mapping[str, Any], name: str) -> str:
    value = line.get(name)
    if not isinstance(value, (str, int, float, type(None))):
        raise ValueError(f"{name} must be a text")
    return "" if value is None else str(value)


def _count(line: Mapping[str, Any], name: str, is_whole: bool = True) -> Any:
    """A number of at least 0, or None. Python's JSON also accepts infinities, which are refused."""
    value = _whole(line.get(name)) if is_whole else line.get(name)
    is_number = isinstance(value, int if is_whole else (int, float)) and not isinstance(value, bool)
    if value is not None and not (is_number and 0 <= value < math.inf):
        raise ValueError(f"{name} must be a {'whole number' if is_whole else 'number'} of 0 or more")
    return value
