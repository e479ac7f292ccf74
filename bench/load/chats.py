"""Live chats on one machine, all at once: who waits is told their place and time, and all are answered.

Reads the English page as a person does. Knows nothing of how the app is made.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.load.page_client import Event, PageSession, Refused, page_config
from bench.load.served import served_app

Progress = Callable[[str], None]
PROMPT = "Write a long story about the sea."
TOKENS = 64
_QUEUED = re.compile(r"Queued, (\d+) ahead(?:, about (\d+) s)?")


@dataclass(frozen=True)
class ChatsLoad:
    """What so many chats came to: seconds until all were answered; how many were told a place in a queue, and a time as
    well; the most that were ahead of one; errors by their text."""

    chats: int
    seconds: float
    answered: int
    queued: int
    told_time: int
    most_ahead: int
    errors: dict[str, int]


@dataclass
class _Chat:
    """What one person saw."""

    ahead: int = 0
    told_time: bool = False
    answered: bool = False


def measure_chats(folder: Path, models: Sequence[str], chats: int, progress: Progress) -> ChatsLoad:
    """So many people ask both models (or the app's own two, if none are named) at the same moment. Raises InputError if
    the app does not start."""
    options = [f"--{side}={model}" for side, model in zip("ab", models, strict=False)]
    with served_app(options, folder / "data") as (url, _):
        progress(f"{chats} chats at once ...")
        return asyncio.run(_run(url, chats))


async def _run(url: str, chats: int) -> ChatsLoad:
    errors: Counter[str] = Counter()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits, trust_env=False) as client:
        send = (await page_config(client)).event("send")
        # The models load, and it is known how long an answer takes.
        await _ask(client, send, errors)
        began = time.monotonic()
        seen = await asyncio.gather(*(_ask(client, send, errors) for _ in range(chats)))
        spent = time.monotonic() - began
    return ChatsLoad(
        chats,
        spent,
        sum(one.answered for one in seen),
        sum(one.ahead > 0 for one in seen),
        sum(one.told_time for one in seen),
        max(one.ahead for one in seen),
        dict(errors),
    )


async def _ask(client: httpx.AsyncClient, send: Event, errors: Counter[str]) -> _Chat:
    seen = _Chat()
    try:
        async for shown in PageSession(client).watch(send, [PROMPT, "", None, None, str(TOKENS), None]):
            if match := _QUEUED.search(shown):
                seen.ahead = max(seen.ahead, int(match[1]))
                seen.told_time |= match[2] is not None
        seen.answered = True
    except (Refused, httpx.HTTPError) as error:
        errors[f"{type(error).__name__}: {error}"] += 1
    return seen
