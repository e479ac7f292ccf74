"""Live chats, all at once: each one should be told its place in the queue and the time, and be answered."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import httpx

from bench.load.page_client import Event, PageSession, Refused, page_config, served_app
from bench.probe import Figures, Progress

PROMPT = "Write a long story about the sea."
TOKENS = 64
# What the English page shows to a person who waits.
_QUEUED = re.compile(r"Queued, (\d+) ahead(?:, about (\d+) s)?")


def measure_chats(folder: Path, models: Sequence[str], chats: int, progress: Progress) -> Figures:
    """`chats` people ask the models (or the app's own two) at the same moment. Raises InputError if the app fails.

    Counts those that were answered, that saw a place in the queue, and a time (`told_time`); the most that were ahead.
    """
    options = [f"--{side}={model}" for side, model in zip("ab", models, strict=False)]
    with served_app(options, folder / "data") as (url, _):
        progress(f"{chats} chats at once ...")
        return asyncio.run(_run(url, chats))


async def _run(url: str, chats: int) -> Figures:
    errors: Counter[str] = Counter()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits, trust_env=False) as client:
        send = (await page_config(client)).event("send")
        # Loads the models, and lets the page measure how long an answer takes.
        await _ask(client, send, errors)
        began = time.monotonic()
        seen = await asyncio.gather(*(_ask(client, send, errors) for _ in range(chats)))
        seconds = time.monotonic() - began
    return {
        "chats": chats,
        "seconds": seconds,
        "answered": sum(chat["answered"] for chat in seen),
        "queued": sum(chat["ahead"] > 0 for chat in seen),
        "told_time": sum(chat["told_time"] for chat in seen),
        "most_ahead": max(chat["ahead"] for chat in seen),
        "errors": dict(errors),
    }


async def _ask(client: httpx.AsyncClient, send: Event, errors: Counter[str]) -> Figures:
    """What one person saw."""
    seen: Figures = {"ahead": 0, "told_time": False, "answered": False}
    try:
        async for output in PageSession(client).watch(send, [PROMPT, "", None, None, str(TOKENS), None]):
            if match := _QUEUED.search(json.dumps(output)):
                seen["ahead"] = max(seen["ahead"], int(match[1]))
                seen["told_time"] |= match[2] is not None
        seen["answered"] = True
    except (Refused, httpx.HTTPError) as error:
        errors[f"{type(error).__name__}: {error}"] += 1
    return seen
