"""The prompt set. Knows nothing of who shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import InputError
from arena.text import clean

DIMENSIONS = ("reasoning", "knowledge", "generation", "multilingual")
_KEYS = {"id", "dimension", "title", "prompt"}


@dataclass(frozen=True)
class Prompt:
    """One prompt of the set: what it tests (`dimension`), its title by language (`zh`, `en`), and the text itself."""

    id: str
    dimension: str
    title: Mapping[str, str]
    text: str


def load_prompts(path: Path) -> tuple[Prompt, ...]:
    """The prompt set in `path`, a JSON list. Raises InputError naming the file and the entry that is wrong."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise _broken(path, f"cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise _broken(path, f"is no JSON ({error})") from error
    if not isinstance(entries, list) or not entries:
        raise _broken(path, "holds no list of prompts")
    prompts = tuple(_prompt(path, number, entry) for number, entry in enumerate(entries, start=1))
    first: dict[str, int] = {}
    for number, prompt in enumerate(prompts, start=1):
        if first.setdefault(prompt.id, number) != number:
            raise _broken(path, f"has the id {prompt.id!r} twice, in entry {first[prompt.id]} and entry {number}")
    return prompts


def _prompt(path: Path, number: int, entry: Any) -> Prompt:
    where = f"has a mistake in entry {number}"
    if not isinstance(entry, dict) or set(entry) != _KEYS:
        raise _broken(path, f"{where}: it needs exactly the keys {', '.join(sorted(_KEYS))}")
    title = entry["title"]
    if not isinstance(title, dict) or set(title) != {"zh", "en"} or not all(_filled(text) for text in title.values()):
        raise _broken(path, f"{where}: the title needs a text for zh and for en")
    if not _filled(entry["id"]) or not _filled(entry["prompt"]):
        raise _broken(path, f"{where}: id and prompt must be texts")
    if entry["dimension"] not in DIMENSIONS:
        raise _broken(path, f"{where}: the dimension must be one of {', '.join(DIMENSIONS)}")
    return Prompt(entry["id"], entry["dimension"], title, clean(entry["prompt"]))


def _filled(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _broken(path: Path, what: str) -> InputError:
    return InputError("prompts_broken", f"{path} {what}.", path=str(path), what=what)
