"""What a server means by an error: in the status of its answer, or inside an answer that began well."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any

from arena.errors import ArenaError, BackendError, InputError
from backends.openai.connection import KEY
from backends.streaming.context import too_long

# Where servers put their words, the best first.
_WORDS = ("message", "msg", "error_message", "error_msg", "errmsg", "status_msg", "detail", "error", "text", "title")
_CODES = ("code", "type", "status", "error_code", "error_type", "status_code", "param")
_INVISIBLE = re.compile(r"<(script|style|head)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def _pattern(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words), re.IGNORECASE)


_TOO_LONG = _pattern(
    "context", "too long", r"maximum.{0,20}(?:length|tokens)", "input length", r"exceed.{0,40}(?:tokens|length)"
)
_QUOTA = _pattern("quota", "balance", "billing", "arrear", r"insufficient.{0,9}(?:funds|credit)", "余额", "欠费")
_REGION = _pattern(r"\b(?:countr(?:y|ies)|region|territory|location)\b.{0,40}\bnot\b", "unsupported_country")
_FILTER = _pattern(
    r"content.?(?:filter|policy|management)", "inspection", "sensitive", "moderation", r"\bflagged\b", "敏感"
)
_NO_MODEL = _pattern(
    "model_?not_?found", r"model.{0,80}(?:not exist|not found)", r"(?:unknown|no such) model", "模型不存在"
)
_AGAIN = re.compile(r"(?:try again|retry) (?:in|after) ([\d.]+) ?(ms|s)", re.IGNORECASE)
_BUSY, _BAD_GATEWAY = (429, 503, 529), (502, 504)
# A server that asks for a longer wait is not waited for.
LONGEST_WAIT, MOST_TRIES = 120.0, 5
# The errors that concern every request, not this one: the server is out of reach, or refuses whoever asks.
UNAVAILABLE = frozenset(
    f"openai_{name}" for name in ("away", "busy", "denied", "key", "model", "proxy", "quota", "region", "tls")
)


def words_of(value: object) -> str:
    """The server's own words in an error of any form, in one line; "" if it has none."""
    if isinstance(value, str):
        page = _TITLE.search(value)
        return " ".join(html.unescape(page[1] if page else _INVISIBLE.sub(" ", value)).split())[:200]
    if isinstance(value, list):
        return "; ".join(filter(None, map(words_of, value)))[:200]
    if isinstance(value, Mapping):
        words = next(filter(None, map(words_of, map(value.get, _WORDS))), "")
        place = value.get("loc")
        return f"{place[-1]}: {words}" if words and isinstance(place, list) and place else words
    return ""


@dataclass(eq=False)  # not frozen: Python sets the traceback
class Refusal(Exception):
    """An error that came instead of an answer; `in_stream` in a stream that began well. `status` 0 is unknown."""

    status: int
    words: str
    codes: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    retry_after: float | None = None
    in_stream: bool = False

    @property
    def text(self) -> str:
        """All that may name what was refused."""
        return f"{self.codes} {self.words}"

    @property
    def is_request(self) -> bool:
        """Whether the request itself is refused, for its settings or for its text."""
        return self.status in (0, 400, 413, 422)

    def wait(self, tries: int) -> float | None:
        """The seconds after which to ask once more; None if that is of no use."""
        if self.status not in _BUSY or self._is_quota or tries == MOST_TRIES:
            return None
        if self.in_stream and self.retry_after is None:
            return None
        seconds = 2.0**tries if self.retry_after is None else self.retry_after
        return seconds if seconds <= LONGEST_WAIT else None

    def as_error(self, name: str, url: str) -> ArenaError:
        """The error to show for the model `name` at `url`."""
        reason = self.words or f"HTTP {self.status}"
        details = {"model": name, "reason": reason}
        tokens, limit = (int(self.fields.get(count) or 0) for count in ("n_prompt_tokens", "n_ctx"))
        if self.is_request and tokens and limit:
            return too_long(name, tokens, limit)
        if (self.is_request or self.status == 403) and _FILTER.search(self.text):
            return BackendError("openai_filtered", f"The filter of {name}'s server refused: {reason}", **details)
        if self.status == 451 or (self.status in (0, 400, 403) and _REGION.search(self.text)):
            return BackendError("openai_region", f"{name} is not available in this region: {reason}", **details)
        if self._is_quota:
            return BackendError("openai_quota", f"The quota for {name} is used up: {reason}", **details)
        if self.is_request and _TOO_LONG.search(self.text):
            return InputError("openai_too_long", f"{name} does not accept the prompt: {reason}", **details)
        if self.status in (401, 403):
            message = f"The server of {name} requires a valid key: set {KEY} ({reason})."
            return BackendError("openai_denied", message, name=KEY, **details)
        if (self.status == 404 and "model" in self.text.lower()) or (self.is_request and _NO_MODEL.search(self.text)):
            return BackendError("openai_model", f"{url} has no model {name!r}: {reason}", **details)
        if self.status in _BUSY:
            after = "" if self.retry_after is None else f" (asks to wait {self.retry_after:.0f} s)"
            return BackendError("openai_busy", f"{name}'s server is busy{after}: {reason}", **details)
        if self.status in _BAD_GATEWAY:
            return BackendError("openai_away", f"{url} cannot be reached ({reason}).", **details)
        return BackendError("backend_failed", f"The server of {name} refused: {reason}", reason=reason)

    @property
    def _is_quota(self) -> bool:
        return self.status == 402 or (
            self.status in (0, 400, 403, 429) and self.retry_after is None and bool(_QUOTA.search(self.text))
        )


def refusal_of(error: object, status: int = 0, headers: Mapping[str, str] = MappingProxyType({})) -> Refusal:
    """The refusal in an error of any form: a page, a text, or an object that may hold the error."""
    if isinstance(error, str) and error.lstrip().startswith(("{", "[")):
        with suppress(ValueError):
            error = json.loads(error)
    fields = error if isinstance(error, Mapping) else {}
    if isinstance(inner := fields.get("error"), Mapping):
        fields = inner
    codes = [str(value) for name in _CODES if isinstance(value := fields.get(name), (str, int))]
    in_stream = not status
    if in_stream:
        status = next((int(code) for code in codes if re.fullmatch("[45][0-9][0-9]", code)), 0)
    words = words_of(error) or " ".join(codes)
    return Refusal(status, words, " ".join(codes), fields, _retry_after(headers, words), in_stream)


def _retry_after(headers: Mapping[str, str], words: str) -> float | None:
    """The seconds that the server asks to wait, in a header or in its words; None if it does not say."""
    with suppress(ValueError):
        if milliseconds := headers.get("retry-after-ms"):
            return float(milliseconds) / 1000
        value = headers.get("retry-after", "")
        if re.fullmatch(r"[\d.]+", value):
            return float(value)
        if value:
            return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    match = _AGAIN.search(words)
    return float(match[1]) / (1000 if match[2] == "ms" else 1) if match else None
