"""The prompts that a page offers and its host can edit. Every saved version stays known, for the votes on it."""

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, count
from typing import Any

from arena.errors import InputError, os_error_as
from arena.events import Event, Events
from arena.prompts.draft import Draft
from arena.prompts.entry import imported_prompt, to_entry
from arena.prompts.prompt import Prompt

MOST_PROMPTS, MOST_BYTES = 1000, 1_000_000
_SAVED = "prompts_saved"
_VERSION = re.compile(r"\.v[0-9]+$")


class LivePrompts(Sequence[Prompt]):
    """Prompts that may be replaced while other threads read them: a loop sees the prompts from its beginning."""

    def __init__(self, prompts: Iterable[Prompt] = ()) -> None:
        self.now = tuple(prompts)

    def __getitem__(self, index: Any) -> Any:
        return self.now[index]

    def __len__(self) -> int:
        return len(self.now)

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self.now)


class PromptStore(LivePrompts):
    """The prompts that a page offers. Safe to use from several threads.

    `loaded` is the set read at the start, from the project's file or one that the host has `named`. Edits saved on top
    of another named file are not offered. `known` are the prompts on offer, then all earlier ones with other ids;
    `categories` has the category of each by id. `saved_at` is in Unix seconds, 0 for the loaded set.
    """

    def __init__(self, loaded: Iterable[Prompt], events: Events, named: bool = False) -> None:
        super().__init__(loaded)
        self.loaded, self.named, self.saved_at = self.now, named, 0.0
        content = json.dumps([to_entry(prompt) for prompt in self.now])
        self._base = hashlib.sha256(content.encode()).hexdigest() if named else ""
        self._latest = 0.0
        self.known = LivePrompts(self.now)
        self._events = events
        self._by_id = {prompt.id: prompt for prompt in self.now}
        self.categories = {prompt.id: prompt.category for prompt in self.now}
        # Several hosts may save.
        self._lock = threading.Lock()

    def replay(self, event: Event) -> None:
        """Applies an event of an earlier process."""
        if event.kind == _SAVED:
            prompts = tuple(imported_prompt(entry, 0) for entry in event.about["prompts"])
            self._show(prompts, event.time, event.about["base"])

    def save(self, draft: Draft) -> tuple[Prompt, ...]:
        """Offers the draft's prompts from now on, once they are on disk, and returns them in their order.

        A prompt whose text has changed gets a new id, so that the votes on the old text stay separate. Raises
        InputError if the set on offer has changed since the draft was begun, if there are no prompts or too many, and
        if they cannot be written.
        """
        prompts = tuple(draft.prompts.values())
        with self._lock:
            if tuple(draft.before.values()) != self.now:
                raise InputError("prompts_changed", "Somebody else has saved the prompts meanwhile.")
            saved = () if prompts == self.loaded else self._with_ids(prompts)
            entries = [to_entry(prompt) for prompt in saved]
            check_size(len(prompts), len(json.dumps(entries, ensure_ascii=False).encode()))
            with os_error_as("prompts_unwritable", "The prompts were NOT saved"):
                self._events.append(_SAVED, durable=True, base=self._base, prompts=entries)
            self._show(saved, time.time(), self._base)
            return self.now

    def _show(self, prompts: tuple[Prompt, ...], saved_at: float, base: str) -> None:
        """Offers the prompts, or the loaded ones if there are none, unless they were saved on top of another base."""
        self._by_id |= {prompt.id: prompt for prompt in prompts}
        self.categories |= {prompt.id: prompt.category for prompt in prompts}
        # What another process saved may come late.
        if base == self._base and saved_at >= self._latest:
            self._latest = saved_at
            self.now, self.saved_at = (prompts, saved_at) if prompts else (self.loaded, 0.0)
        ids = {prompt.id for prompt in self.now}
        titles = {title for prompt in self.now for title in prompt.title.values()}
        old = [prompt for prompt in self._by_id.values() if prompt.id not in ids]
        for place, prompt in enumerate(old):
            if not titles.isdisjoint(prompt.title.values()):
                title = {lang: f"{title} ({prompt.id})" for lang, title in prompt.title.items()}
                old[place] = replace(prompt, title=title)
        self.known.now = (*self.now, *old)

    def _with_ids(self, prompts: Sequence[Prompt]) -> tuple[Prompt, ...]:
        taken = {prompt.id for prompt in prompts if self._fits(prompt.id, prompt)}
        result = []
        for prompt in prompts:
            if not self._fits(prompt.id, prompt):
                stem = _VERSION.sub("", prompt.id)
                ids = chain([stem], (f"{stem}.v{number}" for number in count(2)))
                prompt = replace(prompt, id=next(i for i in ids if i not in taken and self._fits(i, prompt)))
                taken.add(prompt.id)
            result.append(prompt)
        return tuple(result)

    def _fits(self, prompt_id: str, prompt: Prompt) -> bool:
        """Whether no other text has this id."""
        known = self._by_id.get(prompt_id)
        return known is None or known.turns == prompt.turns


def check_size(prompts: int, size: int) -> None:
    """Raises InputError for no prompts, and for more prompts or bytes than a set may have."""
    if not prompts:
        raise InputError("prompts_none", "A set needs at least one prompt.")
    if prompts > MOST_PROMPTS or size > MOST_BYTES:
        message = f"A set may have {MOST_PROMPTS} prompts and {MOST_BYTES // 1000} KB."
        raise InputError("prompts_many", message, prompts=MOST_PROMPTS, size=MOST_BYTES // 1000)
