"""A public arena on one machine: readers who open the page and look around, and raters who vote, all at once.

Knows nothing of how the app is made.
"""

from __future__ import annotations

import asyncio
import random
import re
import ssl
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from subprocess import Popen

import httpx

from arena.errors import InputError
from arena.votes.store import read_votes
from bench.load.page_client import PageConfig, PageSession, Refused, page_config
from bench.load.raters import Class, Progress, Times, open_room, times
from bench.load.samples import sample_answers
from bench.load.served import served

# Seconds between two actions of a reader, and between two votes of a rater, on average.
READER_PAUSE, RATER_PAUSE = 15.0, 10.0
_LOOK_SECONDS = 5.0
Browser = Callable[[], httpx.AsyncClient]
_LINKED = re.compile(r'(?:src|href)="(\./assets/[^"]+)"')


@dataclass(frozen=True)
class Holding:
    """What the server's process holds at one moment: bytes in memory, threads, open files."""

    resident_bytes: int
    threads: int
    files: int


@dataclass(frozen=True)
class Crowd:
    """What a crowd came to: times of each kind of action, errors by their text, votes acknowledged and not stored, and
    what the server held after the first quarter of the time and in the last (medians)."""

    readers: int
    raters: int
    seconds: float
    actions: Mapping[str, Times]
    errors: Mapping[str, int]
    votes: int
    lost: int
    early: Holding | None
    late: Holding | None


class _Readers:
    """The readers, with what they have measured."""

    def __init__(self, config: PageConfig, end: float) -> None:
        self._load = config.on_load()
        self._results = config.event("tab_results", "select")
        self._end = end
        self.times: dict[str, list[float]] = {"open the page": [], "open the results": []}
        self.errors: Counter[str] = Counter()

    async def readers(self, browser: Browser) -> None:
        """One person after the other in one place: each opens the page, looks at the results some times, and leaves."""
        await asyncio.sleep(random.uniform(0, READER_PAUSE))
        while time.monotonic() < self._end:
            async with browser() as client:
                await self._reader(client)

    async def _reader(self, client: httpx.AsyncClient) -> None:
        session, kept = PageSession(client), {"rater": uuid.uuid4().hex, "lang": ""}
        staying = asyncio.create_task(session.stay())
        try:
            await self._timed("open the page", self._open(client, session, kept))
            for _ in range(random.randint(1, 4)):
                await asyncio.sleep(READER_PAUSE * random.uniform(0.5, 1.5))
                if time.monotonic() >= self._end:
                    break
                await self._timed("open the results", session.call(self._results, [kept, {}]))
        finally:
            staying.cancel()
            with suppress(asyncio.CancelledError, httpx.HTTPError):
                await staying

    async def _open(self, client: httpx.AsyncClient, session: PageSession, kept: Mapping[str, str]) -> None:
        page = await client.get("/")
        page.raise_for_status()
        for path in _LINKED.findall(page.text):
            (await client.get(path.removeprefix("."))).raise_for_status()
        for event in self._load:
            await session.call(event, [kept])

    async def _timed(self, kind: str, action: object) -> None:
        began = time.monotonic()
        try:
            await action  # type: ignore[misc]
        except (Refused, httpx.HTTPError) as error:
            self.errors[f"{kind}: {type(error).__name__}: {error}"] += 1
            return
        self.times[kind].append(1000 * (time.monotonic() - began))


def measure_crowd(folder: Path, readers: int, raters: int, seconds: float, progress: Progress) -> Crowd:
    """So many at once for so long, with recorded answers. Raises InputError if the app does not start."""
    answers, data_dir = folder / "answers.jsonl", folder / "data"
    prompts = int(seconds / RATER_PAUSE * 2) + 4
    answers.write_text("\n".join(sample_answers(prompts)), encoding="utf-8")
    code = open_room(answers, data_dir, raters)
    with served(answers, data_dir) as (url, process):
        progress(f"{readers} readers and {raters} raters for {seconds:g} s ...")
        made = _Crowd(readers, raters, seconds, code, process, progress)
        asyncio.run(made.run(url))
    stored = {vote.battle.id for vote in read_votes(data_dir)}
    if not made.voting.votes:
        raise InputError("bench_failed", f"No vote came through: {made.voting.errors.most_common(1)}")
    found = {**made.reading.times, "take a battle": made.voting.battles, "vote": made.voting.votes}
    quarter = max(len(made.held) // 4, 1)
    return Crowd(
        readers,
        raters,
        made.spent,
        {kind: times(some) for kind, some in found.items() if some},
        dict(made.reading.errors + made.voting.errors),
        len(made.voting.acknowledged),
        len(set(made.voting.acknowledged) - stored),
        _typical(made.held[quarter : 2 * quarter]),
        _typical(made.held[-quarter:]),
    )


class _Crowd:
    """One run."""

    reading: _Readers
    voting: Class

    def __init__(
        self, readers: int, raters: int, seconds: float, code: str, process: Popen[bytes], progress: Progress
    ) -> None:
        self._readers, self._raters, self._seconds = readers, raters, seconds
        self._code = code
        self._process = process
        self._progress = progress
        self.held: list[Holding] = []
        self.spent = 0.0
        # Made once: each takes longer than a page.
        self._tls = ssl.create_default_context()

    async def run(self, url: str) -> None:
        def browser() -> httpx.AsyncClient:
            # One for each person, as it is, and so that nobody's connections are looked through for another's.
            return httpx.AsyncClient(base_url=url, timeout=60, trust_env=False, verify=self._tls)

        began = time.monotonic()
        async with browser() as client:
            config, end = await page_config(client), began + self._seconds
        self.reading, self.voting = _Readers(config, end), Class(config, self._code, RATER_PAUSE, end)
        looking = asyncio.create_task(self._look(end))
        people = [self.reading.readers(browser) for _ in range(self._readers)]
        people += [self._vote(browser) for _ in range(self._raters)]
        try:
            await asyncio.gather(*people)
        finally:
            looking.cancel()
        self.spent = time.monotonic() - began

    async def _vote(self, browser: Browser) -> None:
        async with browser() as client:
            await self.voting.rater(client)

    async def _look(self, end: float) -> None:
        while True:
            await asyncio.sleep(min(_LOOK_SECONDS, self._seconds / 8))
            if holding := holding_of(self._process.pid):
                self.held.append(holding)
            actions = sum(map(len, self.reading.times.values())) + len(self.voting.votes) + len(self.voting.battles)
            errors = sum(self.reading.errors.values()) + sum(self.voting.errors.values())
            self._progress(f"{actions:,} actions, {errors} errors, {max(0.0, end - time.monotonic()):.0f} s left")


def holding_of(pid: int) -> Holding | None:
    """What a process holds now; None where the system does not tell so."""
    place = Path(f"/proc/{pid}")
    try:
        told = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
        return Holding(
            int(told["VmRSS"].split()[0]) * 1024, int(told["Threads"]), sum(1 for _ in (place / "fd").iterdir())
        )
    except (OSError, ValueError, KeyError):
        return None


def _typical(some: Sequence[Holding]) -> Holding | None:
    if not some:
        return None
    return Holding(
        int(median(one.resident_bytes for one in some)),
        int(median(one.threads for one in some)),
        int(median(one.files for one in some)),
    )
