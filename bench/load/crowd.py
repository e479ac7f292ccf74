"""Many people at one served page: readers who look around, and raters of one room who vote."""

import asyncio
import random
import re
import ssl
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx

from arena.errors import InputError
from arena.events import EventLog
from arena.judging.ballots import Ballots
from arena.judging.pairs import load_pairs
from arena.judging.rooms import Rooms
from arena.votes.store import VoteStore
from backends.machine.memory import numbers_in
from bench.load.page_client import Events, PageSession, Refused, page_events, served_app
from bench.load.vote_log import sample_answers, times
from bench.probe import Figures, Progress

# Mean seconds between two actions of a reader, and between two votes of a rater; each pause varies by half.
READER_PAUSE, RATER_PAUSE = 15.0, 10.0
BROWSER = "browserstate"  # what the browser stores has no elem_id
OPEN_PAGE, OPEN_RESULTS, TAKE_BATTLE, VOTE = "open the page", "open the results", "take a battle", "vote"
_WATCH_SECONDS = 5.0
_LINKED = re.compile(r'(?:src|href)="(\./assets/[^"]+)"')


@dataclass
class Crowd:
    """People at one page for `seconds`, and what they measured: milliseconds by kind of action, errors by text."""

    readers: int
    raters: int
    seconds: float
    rater_pause: float = RATER_PAUSE
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
            events = await page_events(client)
        watching = asyncio.create_task(self._watch(pid, progress))
        people = [self._readers(events) for _ in range(self.readers)]
        try:
            await asyncio.gather(*people, *(self._rater(events) for _ in range(self.raters)))
        finally:
            watching.cancel()
        self.held += _holding(pid)
        self.spent = time.monotonic() - began

    def _browser(self) -> httpx.AsyncClient:
        # One for each person, as in reality. The TLS context is shared: creating one takes longer than a page.
        return httpx.AsyncClient(base_url=self._url, timeout=60, trust_env=False, verify=self._tls)

    async def _readers(self, events: Events) -> None:
        """One reader after the other: each opens the page, looks at the results a few times, and leaves."""
        results = events["tab_results", "select"][0]
        await asyncio.sleep(random.uniform(0, READER_PAUSE))
        while time.monotonic() < self._end:
            async with self._browser() as client, PageSession(client) as session:
                browser = {"rater": uuid.uuid4().hex, "lang": ""}
                await self._timed(OPEN_PAGE, self._open(client, session, events, browser))
                for _ in range(random.randint(1, 4)):
                    await asyncio.sleep(_varied(READER_PAUSE))
                    if time.monotonic() >= self._end:
                        break
                    await self._timed(OPEN_RESULTS, session.call(results, {BROWSER: browser, "results_filter": []}))

    async def _open(
        self, client: httpx.AsyncClient, session: PageSession, events: Events, browser: dict[str, str]
    ) -> dict[str, object]:
        page = await client.get("/")
        page.raise_for_status()
        for path in _LINKED.findall(page.text):
            (await client.get(path.removeprefix("."))).raise_for_status()
        await session.open(events, {BROWSER: browser})
        return {}

    async def _rater(self, events: Events) -> None:
        """One rater, until there is no battle left or the time is up."""
        join, following = events["join_room", "click"][0], events["new", "click"][0]
        votes = [events[f"vote_{choice}", "click"][0] for choice in ("model_a", "model_b", "tie")]
        async with self._browser() as client:
            session, browser = PageSession(client), {"rater": uuid.uuid4().hex, "lang": "en"}
            due = time.monotonic() + random.uniform(0, self.rater_pause)
            await asyncio.sleep(due - time.monotonic())
            await self._timed(OPEN_PAGE, self._open(client, session, events, browser))
            event, inputs = join, {BROWSER: browser, "room_code": self.code}
            while outputs := await self._timed(TAKE_BATTLE, session.call(event, inputs)):
                battle = outputs["battle_id"]
                # By the clock, so that slow answers do not reduce the number of votes.
                due += _varied(self.rater_pause)
                if not battle or due > self._end:
                    return
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                judgement = {BROWSER: browser, "correct": "a", "any_right": "yes"}
                if await self._timed(VOTE, session.call(random.choice(votes), judgement)):
                    self.acknowledged.append(str(battle))
                event, inputs = following, {BROWSER: browser}

    async def _timed(self, kind: str, action: Awaitable[dict[str, object]]) -> dict[str, object]:
        """The action's outputs; empty if it failed."""
        began = time.monotonic()
        try:
            outputs = await action
        except (Refused, httpx.HTTPError) as error:
            self.errors[f"{kind}: {type(error).__name__}: {error}"] += 1
            return {}
        self.times[kind].append(1000 * (time.monotonic() - began))
        return outputs

    async def _watch(self, pid: int, progress: Progress) -> None:
        while True:
            await asyncio.sleep(min(_WATCH_SECONDS, self.seconds / 8))
            self.held += _holding(pid)
            actions, left = sum(map(len, self.times.values())), max(0.0, self._end - time.monotonic())
            progress(f"{actions:,} actions, {sum(self.errors.values())} errors, {left:.0f} s left")


def measure_crowd(folder: Path, crowd: Crowd, progress: Progress) -> Figures:
    """Readers and raters at once. Raises InputError if the app fails.

    `lost` and `doubled` are acknowledged votes that are not in the log, and those that are there again. `early` and
    `late`: what the server held in the second quarter of the time and in the last (medians).
    """
    answers, data_dir = folder / "answers.jsonl", folder / "data"
    # Enough battles for every rater until the end.
    prompts = int(crowd.seconds / crowd.rater_pause * 2) + 4
    answers.write_text("\n".join(sample_answers(prompts)), encoding="utf-8")
    with EventLog(data_dir) as events:
        # A room in the folder, as if a teacher had opened it before.
        closed = InputError("bench_failed", "The app has not started yet, so nobody can vote.")
        rooms = Rooms(load_pairs(answers, ()), Ballots(closed), events)
        crowd.code = rooms.open(rooms.prompts, crowd.raters).code
    with served_app(["--answers", str(answers)], data_dir) as (url, process):
        progress(f"{crowd.readers} readers and {crowd.raters} raters for {crowd.seconds:g} s ...")
        asyncio.run(crowd.run(url, process.pid, progress))
    if not crowd.times[VOTE]:
        raise InputError("bench_failed", f"No vote was accepted: {crowd.errors.most_common(1)}")
    store = VoteStore(data_dir)
    stored = Counter(vote.row["question_id"] for vote in store.stored(store.refresh().table))
    quarter = max(len(crowd.held) // 4, 1)
    return {
        "readers": crowd.readers,
        "raters": crowd.raters,
        "seconds": crowd.spent,
        "votes": len(crowd.acknowledged),
        "votes_per_second": len(crowd.acknowledged) / crowd.spent,
        "lost": len(set(crowd.acknowledged) - set(stored)),
        "doubled": stored.total() - len(stored),
        "actions": {kind: times(milliseconds) for kind, milliseconds in crowd.times.items()},
        "errors": dict(crowd.errors),
        "early": _typical(crowd.held[quarter : 2 * quarter]),
        "late": _typical(crowd.held[-quarter:]),
    }


def _varied(pause: float) -> float:
    return pause * random.uniform(0.5, 1.5)


def _holding(pid: int) -> list[Figures]:
    """The process's memory, threads and open files now; empty where the system does not say."""
    folder = Path(f"/proc/{pid}")
    try:
        status, files = numbers_in(folder / "status"), sum(1 for _ in (folder / "fd").iterdir())
        return [{"resident_bytes": status["VmRSS"], "threads": status["Threads"], "files": files}]
    except (OSError, KeyError):
        return []


def _typical(held: Sequence[Figures]) -> Figures | None:
    return {key: int(median(sample[key] for sample in held)) for key in held[0]} if held else None
