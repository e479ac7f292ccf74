"""Edits of a prompt set that are not saved yet."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Self

from arena.prompts.prompt import Prompt


@dataclass(frozen=True)
class Draft:
    """The prompts by id, in order, `before` and after the edits; the `chosen` id. The methods return a copy."""

    before: Mapping[str, Prompt]
    prompts: Mapping[str, Prompt]
    chosen: str = ""

    @classmethod
    def of(cls, prompts: Iterable[Prompt], chosen: str = "") -> Self:
        """A draft without edits."""
        by_id = {prompt.id: prompt for prompt in prompts}
        return cls(by_id, by_id, chosen)

    @property
    def current(self) -> Prompt:
        """The chosen prompt, or else an empty one with an id of its own."""
        return self.prompts.get(self.chosen) or Prompt(self._free_id(), "", {"zh": "", "en": ""}, "")

    def having(self, prompts: Iterable[Prompt]) -> Self:
        """With these prompts instead."""
        return replace(self, prompts={prompt.id: prompt for prompt in prompts})

    def put(self, prompt: Prompt) -> Self:
        """With a prompt in place of the one that has its id, or at the end."""
        return replace(self, prompts={**self.prompts, prompt.id: prompt})

    def add(self, prompts: Iterable[Prompt]) -> Self:
        """With the prompts that it lacks added at the end; a prompt whose id is taken gets a new id."""
        draft = self
        for prompt in prompts:
            if prompt not in draft.prompts.values():
                draft = draft.put(replace(prompt, id=draft._free_id()) if prompt.id in draft.prompts else prompt)
        return draft

    def without_chosen(self) -> Self:
        """Without the chosen prompt."""
        return self.having(prompt for prompt in self.prompts.values() if prompt.id != self.chosen)

    def move(self, step: int) -> Self:
        """With the chosen prompt one place up (-1) or down (1) among those of its dimension."""
        alike = [prompt.id for prompt in self.prompts.values() if prompt.dimension == self.current.dimension]
        if self.chosen not in alike or not 0 <= (place := alike.index(self.chosen) + step) < len(alike):
            return self
        swapped = {self.chosen: alike[place], alike[place]: self.chosen}
        return self.having(self.prompts[swapped.get(name, name)] for name in self.prompts)

    def onto(self, newer: Iterable[Prompt]) -> Self:
        """The same edits on top of a newer version of the set, whose prompts replace those not edited here."""
        theirs, before = self.of(newer), self.before
        old = {name: prompt for name, prompt in self.prompts.items() if name in before}
        kept = (theirs.prompts.get(name) if prompt == before[name] else prompt for name, prompt in old.items())
        new_there = (prompt for prompt in theirs.prompts.values() if prompt.id not in before)
        draft = theirs.having([*filter(None, kept), *new_there])
        return draft.add(prompt for prompt in self.prompts.values() if prompt.id not in before)

    @property
    def changes(self) -> dict[str, int]:
        """How many prompts were `added`, `changed` and `removed`; `moved` if the others are in another order."""
        before, after = self.before, self.prompts
        common = [name for name in before if name in after]
        counts = {
            "added": len(after) - len(common),
            "changed": sum(before[name] != after[name] for name in common),
            "removed": len(before) - len(common),
            "moved": int(common != [name for name in after if name in before]),
        }
        return {name: number for name, number in counts.items() if number}

    def _free_id(self) -> str:
        ids = (f"p{number}" for number in count(len(self.prompts) + 1))
        return next(name for name in ids if name not in self.before and name not in self.prompts)
