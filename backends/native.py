"""Chat checkpoints that transformers supports natively: their own tokenizer and template. Knows no engine.

What people wrote is encoded apart from the template's marks, by a copy of the tokenizer that knows no marks.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from arena.types import Message
from backends.checkpoint import check_links, refusal
from backends.decode import THINK_OPEN
from backends.reply import WholeDecode


class NativeChat:
    """Conversations as ids and ids as text. `ends` are the stop ids that the folder's files name, in any form."""

    def __init__(self, folder: Path, *ends: Any) -> None:
        import tokenizers
        import transformers

        check_links(folder)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        if not tokenizer.is_fast or not tokenizer.chat_template:
            lack = "chat template" if tokenizer.is_fast else "tokenizer.json"
            raise refusal(folder.name, f"it has no {lack}, so it is no chat model that can be run here")
        self._tokenizer = tokenizer
        plain = _without_marks(json.loads(tokenizer.backend_tokenizer.to_str()))
        self._plain = tokenizers.Tokenizer.from_str(json.dumps(plain))
        self._special = frozenset(tokenizer.all_special_ids)
        # The library's tokenizer cannot be used by two threads at the same moment.
        self._lock = threading.Lock()
        self.reasoning = THINK_OPEN in str(tokenizer.chat_template)
        self.stop_ids = frozenset(_ids((*ends, tokenizer.eos_token_id))) | self._turn_end()

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The conversation by the folder's template, put together from parts around what people wrote."""
        nonce = secrets.token_hex(8)
        holders = {f"x{nonce}n{index}x": message.content for index, message in enumerate(messages)}
        marked = [Message(message.role, holder) for message, holder in zip(messages, holders, strict=True)]
        parts = re.split(f"(x{nonce}n[0-9]+x)", self.render(marked))
        pieces = (self._encode(holders[part]) if part in holders else self._marks(part) for part in parts if part)
        return list(chain.from_iterable(pieces))

    def render(self, messages: Sequence[Message], answer: bool = True) -> str:
        """The conversation as the template writes it; with `answer`, ready for one."""
        talk = [{"role": message.role, "content": message.content} for message in messages]
        with self._lock:
            return str(self._tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=answer))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids without the special ones."""
        with self._lock:
            kept = [token for token in ids if token not in self._special]
            return str(self._tokenizer.decode(kept, clean_up_tokenization_spaces=False))

    def recent(self, messages: Sequence[Message]) -> list[Message]:
        """All of them."""
        return list(messages)

    def opens_thinking(self, messages: Sequence[Message]) -> bool:
        """Whether the template leaves the <think> mark open for the answer."""
        return self.reasoning and self.render(messages).rstrip().endswith(THINK_OPEN)

    def decoder(self) -> NativeReply:
        """A decoder for one reply."""
        return NativeReply(self)

    def _encode(self, text: str) -> list[int]:
        clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return list(self._plain.encode(clean, add_special_tokens=False).ids)

    def _marks(self, text: str) -> list[int]:
        with self._lock:
            return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _turn_end(self) -> frozenset[int]:
        """The mark that the template writes after an answer, if it is one token of its own."""
        holder = f"x{secrets.token_hex(8)}x"
        after = self.render([Message("user", "x"), Message("assistant", holder)], answer=False).rpartition(holder)[2]
        ids = self._marks(after.strip())
        return frozenset(ids[:1]) & self._special


class NativeReply:
    """One reply from its ids."""

    def __init__(self, chat: NativeChat) -> None:
        self._decode = WholeDecode(chat.decode)

    def feed(self, token: int) -> str:
        """The text that one more id completes."""
        return self._decode.feed(token)

    def flush(self) -> str:
        """Nothing is held back but what is no character."""
        return ""


def _ids(values: Iterable[Any]) -> Iterable[int]:
    for value in values:
        yield from (value if isinstance(value, list) else [] if value is None else [value])


def _without_marks(tokenizer: dict[str, Any]) -> dict[str, Any]:
    """A tokenizer.json for what people wrote: of the added tokens only runs of white space are left."""
    tokenizer["added_tokens"] = [token for token in tokenizer["added_tokens"] if not token["content"].strip()]
    tokenizer["post_processor"] = None
    return tokenizer
