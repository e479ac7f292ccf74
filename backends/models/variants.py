"""The label before a model's name and the settings after it, as in `brief=qwen3-0.6b?think=off`: both are a part of its
id, so that votes on variants of a model are never added up."""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote

from arena.errors import InputError
from arena.generation_config import GenerationConfig
from arena.text import clean
from arena.types import ContextLimit, ModelSpec

# Tokens: the shortest that fits a question and an answer, and more than any model has.
LEAST_CONTEXT, MOST_CONTEXT = 128, 10_000_000
# The address of a server may have settings of its own before its #.
_SETTINGS = re.compile(r"\?(\w+=[^?&=#/]*(?:&\w+=[^?&=#/]*)*)$")
_LABEL = re.compile(r"[0-9A-Za-z一-鿿][0-9A-Za-z一-鿿 ._-]{0,31}")
# Characters of a system prompt in an id, before the rest is left out.
_LONGEST_TEXT = 40
_THINK, _CONTEXT, _SYSTEM = "think", "ctx", "system"
_SAMPLING = tuple(each.name for each in fields(GenerationConfig) if each.name != "thinking")
# In the order in which an id lists them.
SETTINGS = (_CONTEXT, _THINK, *_SAMPLING, _SYSTEM)


@dataclass(frozen=True)
class Variant:
    """A name in its parts; `settings` are values by the names in SETTINGS, in that order."""

    model: str
    label: str = ""
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, spec: ModelSpec) -> ModelSpec:
        """The model with these settings, which cannot be changed then, and with this label. Raises InputError."""
        for name, value in self.settings.items():
            spec = _with_setting(spec, name, value)
        words = [(name, _word(name, value)) for name, value in self.settings.items()]
        if words:
            ending = "&".join(f"{name}={_quoted(word)}" for name, word in words)
            shown = ", ".join(f"{name} {word}" for name, word in words)
            spec = replace(spec, id=f"{spec.id}?{ending}", name=f"{spec.name} ({shown})")
        return replace(spec, id=f"{self.label}={spec.id}", name=self.label) if self.label else spec


def variant_of(text: str) -> Variant:
    """The parts of `LABEL=MODEL?setting=value&...`. Raises InputError for a wrong label or setting."""
    text = text.strip()
    label, _, model = text.partition("=")
    # A path, an address or settings come before any other equals sign.
    if not model or re.search(r"[/\\:?#]", label):
        label, model = "", text
    elif not _LABEL.fullmatch(label) or label.endswith(" "):
        message = (
            f"{label!r} is not a label: use up to 32 letters, digits, spaces, dots, _ or -, and begin with a letter "
            "or digit. For a file with = in its name write ./ before it."
        )
        raise InputError("label_invalid", message, label=label)
    match = _SETTINGS.search(model)
    if not match:
        _check_no_settings(model)
        return Variant(model, label)
    typed = dict(pair.split("=", 1) for pair in match[1].split("&"))
    if unknown := sorted(typed.keys() - set(SETTINGS)):
        known = ", ".join(SETTINGS)
        message = f"There is no setting {unknown[0]}. Known: {known}."
        raise InputError("unknown_setting", message, name=unknown[0], known=known)
    values = {name: _value(name, typed[name]) for name in SETTINGS if name in typed}
    return Variant(model[: match.start()], label, values)


def limited(spec: ModelSpec, tokens: int, limit: ContextLimit) -> ModelSpec:
    """The model with at most `tokens` of context; `limit` is the reason where that is less than its own."""
    return spec if spec.context_length <= tokens else replace(spec, context_length=tokens, context_limit=limit)


def _check_no_settings(model: str) -> None:
    """Raises InputError if the end of the name was meant as settings."""
    if re.search(rf"\?(?:{'|'.join(SETTINGS)})=", model.rpartition("#")[2]):
        codes = "%3F for ?, %26 for &, %3D for =, %23 for # and %2F for /"
        message = f"Write settings as ?name=value&name=value, and in a value {codes}."
        raise InputError("name_settings", message)


def _value(name: str, typed: str) -> Any:
    """What a setting's text stands for. Raises InputError."""
    if name == _CONTEXT:
        return _context_tokens(typed)
    if name == _THINK:
        return GenerationConfig().with_settings({"thinking": typed}).thinking
    if name == _SYSTEM:
        return clean(unquote(typed))
    value: Any = typed
    with suppress(ValueError):
        value = float(typed) if isinstance(getattr(GenerationConfig(), name), float) else int(typed)
    GenerationConfig().with_settings({name: value})  # raises for what is no number or out of range
    return value


def _context_tokens(typed: str) -> int:
    tokens = int(typed) if typed.isdecimal() else 0
    if not LEAST_CONTEXT <= tokens <= MOST_CONTEXT:
        details = {"low": f"{LEAST_CONTEXT}", "high": f"{MOST_CONTEXT}", "value": typed}
        message = f"ctx must be between {LEAST_CONTEXT} and {MOST_CONTEXT}, not {typed!r}."
        raise InputError("setting_range", message, name=_CONTEXT, **details)
    return tokens


def _with_setting(spec: ModelSpec, name: str, value: Any) -> ModelSpec:
    if name == _CONTEXT:
        if spec.runtime not in ("transformers", "llama.cpp"):
            message = f"ctx cannot be set for {spec.id}: its context is not managed here."
            raise InputError("ctx_unavailable", message, model=spec.id)
        return limited(spec, value, "ctx")
    if name == _SYSTEM:
        return replace(spec, system=value, pinned=spec.pinned | {name})
    if name == _THINK:
        _check_thinking(spec, value)
        name = "thinking"
    if name in spec.pinned:
        raise InputError("setting_pinned", f"{spec.id} has a fixed {name}.", model=spec.id, name=name)
    return replace(spec, defaults=replace(spec.defaults, **{name: value}), pinned=spec.pinned | {name})


def _check_thinking(spec: ModelSpec, tokens: int) -> None:
    """Raises InputError if the model cannot think, or cannot stop thinking."""
    if not spec.thinking:
        message = f"think cannot be set for {spec.id}: its chat template has no thinking."
        raise InputError("think_unavailable", message, model=spec.id)
    if spec.thinking == "always" and not tokens:
        message = f"{spec.id} always thinks; use think=N to limit it to N tokens."
        raise InputError("think_always", message, model=spec.id)


def _word(name: str, value: Any) -> str:
    """A value as a name and an id write it, the same however it was typed."""
    if name == _THINK:
        return str(value or "off")
    if name == _SYSTEM and len(value) > _LONGEST_TEXT:
        return f"{value[: _LONGEST_TEXT // 2]}…{hashlib.sha256(value.encode()).hexdigest()[:12]}"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _quoted(word: str) -> str:
    return re.sub(r"[%?&=#/\t\r\n]", lambda match: quote(match[0], safe=""), word)
