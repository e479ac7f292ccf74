"""Many people at one served page: readers who look around, raters of one room who vote, and live chats."""

from __future__ import annotations

import asyncio
import json
import random
import re
import ssl
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx

from arena.errors import InputError
from arena.events import EventLog
from arena.judging.ballots import Ballots, ClosedLog
from arena.judging.pairs import load_pairs
from arena.judging.rooms import Rooms
from arena.votes.store import read_votes
from bench.load.page_client import Event, PageConfig, PageSession, Refused, page_config, served_app
from bench.load.samples import sample_answers
from bench.probe import Figures, Progress

# Mean seconds between two actions of a reader, and between two votes of a rater; each pause varies by half.
READER_PAUSE, RATER_PAUSE = 15.0, 10.0
OPEN_PAGE, OPEN_RESULTS, TAKE_BATTLE, VOTE = "open the page", "open the results", "take a battle", "vote"
CHAT_PROMPT, CHAT_TOKENS = "Write a long story about the sea.", 64
_WATCH_SECONDS = 5.0
# What the English page shows to a person who waits.
_QUEUED = re.compile(r"Queued, (\d+) ahead(?:, about (\d+) s)?")
_LINKED = re.compile(r'(?:src|href)="(\./assets/[^"]+)"')


def measure_class(folder: Path, raters: int, rate: float, seconds: float, progress: Progress) -> Figures:
    """Raters of one room vote, `rate` votes per second together. Raises InputError if the app fails."""
    crowd, stored = _measured(folder, Crowd(0, raters, seconds, raters / rate), progress)
    return {
        "raters": raters,
        "seconds": crowd.spent,
        "votes_per_second": len(crowd.times[VOTE]) / crowd.spent,
        "vote": times(crowd.times[VOTE]),
        "battle": times(crowd.times[TAKE_BATTLE]),
        "errors": dict(crowd.errors),
        "acknowledged": len(crowd.acknowledged),
        "lost": len(set(crowd.acknowledged) - set(stored)),
        "doubled": sum(number - 1 for number in stored.values()),
        "server_bytes": crowd.held[-1]["resident_bytes"] if crowd.held else None,
    }


def measure_crowd(folder: Path, readers: int, raters: int, seconds: float, progress: Progress) -> Figures:
    """Readers and raters at once. Raises InputError if the app fails.

    `early` and `late`: what the server held in the second quarter of the time and in the last (medians).
    """
    crowd, stored = _measured(folder, Crowd(readers, raters, seconds, RATER_PAUSE), progress)
    quarter = max(len(crowd.held) // 4, 1)
    return {
        "readers": readers,
        "raters": raters,
        "seconds": crowd.spent,
        "actions": {kind: times(milliseconds) for kind, milliseconds in crowd.times.items()},
        "errors": dict(crowd.errors),
        "votes": len(crowd.acknowledged),
        "lost": len(set(crowd.acknowledged) - set(stored)),
        "early": _typical(crowd.held[quarter : 2 * quarter]),
        "late": _typical(crowd.held[-quarter:]),
    }


def _measured(folder: Path, crowd: Crowd, progress: Progress) -> tuple[Crowd, Counter[str]]:
    """The crowd after its run, and how often each battle is in the vote log."""
    answers, data_dir = folder / "answers.jsonl", folder / "data"
    # Enough battles for every rater until the end.
    prompts = int(crowd.seconds / crowd.rater_pause * 2) + 4
    answers.write_text("\n".join(sample_answers(prompts)), encoding="utf-8")
    with EventLog(data_dir) as events:
        # A room in the folder, as if a teacher had opened it before.
        closed = ClosedLog(InputError("bench_failed", "The app has not started yet, so nobody can vote."))
        rooms = Rooms(load_pairs(answers, ()), Ballots(closed), events)
        crowd.code = rooms.open(rooms.prompts, crowd.raters).code
    with served_app(["--answers", str(answers)], data_dir) as (url, process):
        progress(f"{crowd.readers} readers and {crowd.raters} raters for {crowd.seconds:g} s ...")
        asyncio.run(crowd.run(url, process.pid, progress))
    if not crowd.times[VOTE]:
        raise InputError("bench_failed", f"No vote was accepted: {crowd.errors.most_common(1)}")
    return crowd, Counter(vote.battle.id for vote in read_votes(data_dir))


@dataclass
class Crowd:
    """People at one page for `seconds`, and what they measured: milliseconds by kind of action, errors by text."""

    readers: int
    raters: int
    seconds: float
    rater_pause: float
    code: str = ""
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)
    acknowledged: list[str] = field(default_factory=list)
    held: list[Figures] = field(default_factory=list)
    spent: float = 0.0

    async def run(self, url: str, pid: int, progress: Progress) -> None:
        """Lets all people come to the page at `url`, which the process `pid` serves."""
        self._url, self._tls, began = url, ssl.create_default_context(), time.monotonic()
        self._end = began + self.seconds
        async with self._browser() as client:
            config = await page_config(client)
        watching = asyncio.create_task(self._watch(pid, progress))
        people = [self._readers(config) for _ in range(self.readers)]
        try:
            await asyncio.gather(*people, *(self._rater(config) for _ in range(self.raters)))
        finally:
            watching.cancel()
        self.held += _holding(pid)
        self.spent = time.monotonic() - began

    def _browser(self) -> httpx.AsyncClient:
        # One for each person, as in reality. The TLS context is shared: creating one takes longer than a page.
        return httpx.AsyncClient(base_url=self._url, timeout=60, trust_env=False, verify=self._tls)

    async def _readers(self, config: PageConfig) -> None:
        """One reader after the other: each opens the page, looks at the results a few times, and leaves."""
        results = config.event("tab_results", "select")
        await asyncio.sleep(random.uniform(0, READER_PAUSE))
        while time.monotonic() < self._end:
            async with self._browser() as client:
                session, browser = PageSession(client), {"rater": uuid.uuid4().hex, "lang": ""}
                staying = asyncio.create_task(session.stay())
                try:
                    await self._timed(OPEN_PAGE, self._open(client, session, config, browser))
                    for _ in range(random.randint(1, 4)):
                        await asyncio.sleep(_varied(READER_PAUSE))
                        if time.monotonic() >= self._end:
                            break
                        await self._timed(OPEN_RESULTS, session.call(results, [browser, {}]))
                finally:
                    staying.cancel()
                    with suppress(asyncio.CancelledError, httpx.HTTPError):
                        await staying

    async def _open(
        self, client: httpx.AsyncClient, session: PageSession, config: PageConfig, browser: dict[str, str]
    ) -> list[object]:
        page = await client.get("/")
        page.raise_for_status()
        for path in _LINKED.findall(page.text):
            (await client.get(path.removeprefix("."))).raise_for_status()
        for event in config.on_load():
            await session.call(event, [browser])
        return []

    async def _rater(self, config: PageConfig) -> None:
        """One rater, until there is no battle left or the time is up."""
        join, vote, following = map(config.event, ("judge_join", "judge_submit", "judge_next"))
        async with self._browser() as client:
            session, browser = PageSession(client), {"rater": uuid.uuid4().hex, "lang": "en"}
            due = time.monotonic() + random.uniform(0, self.rater_pause)
            await asyncio.sleep(due - time.monotonic())
            outputs = await self._timed(TAKE_BATTLE, session.call(join, [browser, self.code]))
            battle = outputs and outputs[join.outputs["judge_battle"]]
            while battle:
                # By the clock, so that slow answers do not reduce the number of votes.
                due += _varied(self.rater_pause)
                if due > self._end:
                    return
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                choice = random.choice(("model_a", "model_b", "tie"))
                if await self._timed(VOTE, session.call(vote, [browser, choice, "a", None, None, "yes", ""])):
                    self.acknowledged.append(str(battle))
                outputs = await self._timed(TAKE_BATTLE, session.call(following, [browser]))
                battle = outputs and outputs[following.outputs["judge_battle"]]

    async def _timed(self, kind: str, action: Awaitable[list[object]]) -> list[object]:
        """The action's outputs; empty if it failed."""
        began = time.monotonic()
        try:
            outputs = await action
        except (Refused, httpx.HTTPError) as error:
            self.errors[f"{kind}: {type(error).__name__}: {error}"] += 1
            return []
        self.times[kind].append(1000 * (time.monotonic() - began))
        return outputs

    async def _watch(self, pid: int, progress: Progress) -> None:
        while True:
            await asyncio.sleep(min(_WATCH_SECONDS, self.seconds / 8))
            self.held += _holding(pid)
            actions, left = sum(map(len, self.times.values())), max(0.0, self._end - time.monotonic())
            progress(f"{actions:,} actions, {sum(self.errors.values())} errors, {left:.0f} s left")


def times(milliseconds: Sequence[float]) -> Figures:
    """At least one time, summarised."""
    ordered = sorted(milliseconds)
    middle, late = ordered[len(ordered) // 2], ordered[int(0.95 * (len(ordered) - 1))]
    return {"count": len(ordered), "median_ms": middle, "p95_ms": late, "most_ms": ordered[-1]}


def _varied(pause: float) -> float:
    return pause * random.uniform(0.5, 1.5)


def _holding(pid: int) -> list[Figures]:
    """The process's memory, threads and open files now; empty where the system does not say."""
    folder = Path(f"/proc/{pid}")
    try:
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        resident, files = int(status["VmRSS"].split()[0]) * 1024, sum(1 for _ in (folder / "fd").iterdir())
        return [{"resident_bytes": resident, "threads": int(status["Threads"]), "files": files}]
    except (OSError, ValueError, KeyError):
        return []


def _typical(held: Sequence[Figures]) -> Figures | None:
    return {key: int(median(sample[key] for sample in held)) for key in held[0]} if held else None


def measure_chats(folder: Path, models: Sequence[str], chats: int, progress: Progress) -> Figures:
    """`chats` people ask the models (or the app's own two) at the same moment. Raises InputError if the app fails.

    Counts those that were answered, that saw a place in the queue, and a time (`told_time`); the most that were ahead.
    """
    options = [f"--{side}={model}" for side, model in zip("ab", models, strict=False)]
    with served_app(options, folder / "data") as (url, _):
        progress(f"{chats} chats at once ...")
        return asyncio.run(_chats(url, chats))


async def _chats(url: str, chats: int) -> Figures:
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
        async for output in PageSession(client).watch(send, [CHAT_PROMPT, "", None, None, str(CHAT_TOKENS), None]):
            if match := _QUEUED.search(json.dumps(output)):
                seen["ahead"] = max(seen["ahead"], int(match[1]))
                seen["told_time"] |= match[2] is not None
        seen["answered"] = True
    except (Refused, httpx.HTTPError) as error:
        errors[f"{type(error).__name__}: {error}"] += 1
    return seen
