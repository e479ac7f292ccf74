"""The tokenizer and chat template of checkpoints that transformers supports natively.

The text between two marks (special tokens) of the template is encoded as one piece, like in the library, but by a
copy of the tokenizer without marks: text that people wrote never becomes a mark.
"""

import json
import re
import secrets
import threading
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from arena.errors import InputError
from arena.generation_config import CONCLUSION, SWITCH, THINK_OPEN
from arena.types import Message
from backends.families import Chat
from backends.folder.checkpoint import first_line, refusal
from backends.streaming.context import common_length, rendered_parts, split_cut
from backends.streaming.decode import WholeDecode
from backends.streaming.generation import failed


class NativeChat(Chat):
    """The tokenizer and chat template. `ends` are the stop ids in the folder's files: an id, a list of ids, or None.

    `template` replaces the folder's own chat template.
    """

    def __init__(self, folder: Path, *ends: Any, template: str | None = None) -> None:
        import tokenizers

        self._tokenizer = _load_tokenizer(folder)
        self._tokenizer.chat_template = template or self._tokenizer.chat_template
        description = json.loads(self._tokenizer.backend_tokenizer.to_str())
        marks = {token["content"]: token for token in description["added_tokens"] if token["content"].strip()}
        self._marks = marks
        self._cut = re.compile(f"({'|'.join(map(re.escape, sorted(marks, key=len, reverse=True))) or '(?!)'})")
        # For text that people wrote: of the added tokens only runs of white space.
        description["added_tokens"] = [token for token in description["added_tokens"] if not token["content"].strip()]
        description["post_processor"] = None
        self._plain = tokenizers.Tokenizer.from_str(json.dumps(description))
        self._special = frozenset(mark["id"] for mark in marks.values() if mark["special"])
        # The library's tokenizer is not thread-safe.
        self._lock = threading.Lock()
        self.reasoning = THINK_OPEN in marks or THINK_OPEN in str(self._tokenizer.chat_template)
        lists = [end if isinstance(end, list) else [end] for end in (*ends, self._tokenizer.eos_token_id)]
        self.stop_ids = frozenset(chain(*lists)) - {None} | self._turn_end()
        try:
            self.prompt_ids([Message("user", "Hello"), Message("assistant", "Hello"), Message("user", "Hello")])
        except InputError as error:
            raise refusal(folder.name, "its chat template changes what messages say") from error

    def prompt_ids(self, messages: Sequence[Message], thinks: bool | None = None) -> list[int]:
        """The conversation by the folder's template; only the template's own marks become special ids."""
        return self._ids(rendered_parts(messages, partial(self.render, thinks=thinks)))

    def request_ids(self, messages: Sequence[Message], thinks: bool | None = None) -> list[int]:
        before, cut = split_cut(messages)
        ids = self.prompt_ids(before, thinks)
        if cut.reasoning:
            ids += () if self.opens_thinking(before, thinks) else self._ids([(THINK_OPEN, False)])
            ids += self.cut_ids(cut.reasoning)
            ids += self.conclusion_ids() if cut.content else ()
        return ids + self.cut_ids(cut.content)

    def conclusion_ids(self) -> list[int]:
        return self._ids([(CONCLUSION, False)])

    def steady_tokens(self, messages: Sequence[Message], thinks: bool | None = None) -> int:
        """All but what opens the answer, which some templates write otherwise once there is an answer."""
        unopened = self._ids(rendered_parts(messages, partial(self.render, answer=False, thinks=thinks)))
        return common_length(self.prompt_ids(messages, thinks), unopened)

    def _ids(self, parts: Iterable[tuple[str, bool]]) -> list[int]:
        """The ids of texts, in which marks are marks unless people wrote it."""
        ids: list[int] = []
        between = ""
        strip_next = False
        for text, is_written in parts:
            if is_written:
                # Not searched for marks.
                between += text
                continue
            for piece in self._cut.split(text):
                mark = self._marks.get(piece)
                if mark is None:
                    between += piece
                    continue
                ids += self._encode(between, strip_next, mark["lstrip"])
                ids.append(mark["id"])
                between, strip_next = "", mark["rstrip"]
        return ids + self._encode(between, strip_next, False)

    def render(self, messages: Sequence[Message], answer: bool = True, thinks: bool | None = None) -> str:
        """The conversation in the template's format; with `answer`, ready for one. Raises BackendError."""
        turns = [{"role": message.role, "content": message.content} for message in messages]
        switch = {} if thinks is None else {SWITCH: thinks}
        try:
            with self._lock:
                return str(
                    self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=answer, **switch)
                )
        except Exception as error:  # a template is the folder's code and may raise anything
            raise failed("transformers", f"the chat template refuses the conversation: {first_line(error)}") from error

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids without the special ones."""
        with self._lock:
            plain = [token for token in ids if token not in self._special]
            return str(self._tokenizer.decode(plain, clean_up_tokenization_spaces=False))

    def opens_thinking(self, messages: Sequence[Message], thinks: bool | None = None) -> bool:
        plain = [Message(message.role, "x") for message in messages]
        return self.reasoning and self.render(plain, thinks=thinks).rstrip().endswith(THINK_OPEN)

    def cut_ids(self, text: str) -> list[int]:
        return self._encode(text, False, False)

    def decoder(self, cut: str = "") -> WholeDecode:
        return WholeDecode(self.decode, self.cut_ids(cut))

    def _encode(self, text: str, lstrip: bool, rstrip: bool) -> list[int]:
        text = text.lstrip() if lstrip else text
        text = text.rstrip() if rstrip else text
        return list(self._plain.encode(text, add_special_tokens=False).ids) if text else []

    def _turn_end(self) -> frozenset[int]:
        """The mark that the template writes after an answer, if any."""
        holder = f"x{secrets.token_hex(8)}x"
        text = self.render([Message("user", "x"), Message("assistant", holder)], answer=False)
        _, separator, after = text.rpartition(holder)
        match = self._cut.match(after.lstrip()) if separator else None
        return frozenset({self._marks[match.group()]["id"]} if match else ()) & self._special


def _load_tokenizer(folder: Path) -> Any:
    import transformers

    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # the library raises many kinds
        raise refusal(folder.name, f"its tokenizer cannot be read: {first_line(error)}") from error
    if not tokenizer.is_fast or not tokenizer.chat_template:
        lack = "chat template" if tokenizer.is_fast else "tokenizer.json"
        raise refusal(folder.name, f"it has no {lack}, so it is not a chat model that can be run here")
    return tokenizer
