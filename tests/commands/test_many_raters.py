"""Two hundred scripted raters in blind battles of eight models that do not fit into memory together; one breaks."""

from __future__ import annotations

import asyncio
import json
import random
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median
from typing import Any

import httpx
import pytest
from family_folders import family_folder
from llama_server import MODEL, SERVER_KEY, llama_server
from served_app import ServedApp
from vote_samples import read_votes

from arena.judging.draw import FLOOR
from arena.types import Vote
from backends.folder.gguf import model_file
from backends.machine.memory import process_bytes
from backends.models import budget
from backends.models.catalog import EMBEDDED
from bench.load.page_client import Events, PageSession, page_events

pytestmark = [pytest.mark.extra, pytest.mark.model, pytest.mark.timeout(3000)]

RATERS, BATTLES, AT_ONCE = 200, 5, 5
FAMILIES = ("llama", "qwen2", "qwen3", "mistral", "olmo2")
SHORT = "?max_new_tokens=16"
# Room for two to five of the models; the GGUF file and the embedded model do not fit together.
LIMIT = 900_000_000
BROWSER = "browserstate"
CHOICES = ("model_a", "model_b", "tie", "bad")
# The page cannot be voted on.
CUT = json.dumps('data-phase="cut"')[1:-1]
# Nothing else on the page is called so.
SECRET = re.compile("secret|gguf|olmo|mistral", re.IGNORECASE)


@dataclass
class Ledger:
    """The most bytes that models had claimed at once, and what the process had at each load, without file pages."""

    claimed: int = 0
    taken: list[int] = field(default_factory=list)


@dataclass
class Seen:
    """What a battle sent to the browser before its vote, and by side the seconds until its answer began."""

    question: str
    messages: list[str] = field(default_factory=list)
    waits: dict[str, float] = field(default_factory=dict)
    failed: bool = False


@dataclass
class Run:
    """What all raters saw, and what is in the log and the ledger after them."""

    seen: list[Seen]
    votes: dict[str, Vote]
    ledger: Ledger
    ids: list[str]


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    """The memory for models is limited to LIMIT."""
    ledger, patch = Ledger(), pytest.MonkeyPatch()

    class Limited(budget.MemoryBudget):
        def _book(self, total: int) -> object:
            claim = super()._book(total)
            ledger.claimed = max(ledger.claimed, sum(self._claims.values()))
            ledger.taken.append(process_bytes("RssAnon") or 0)
            return claim

    patch.setattr(budget, "MemoryBudget", lambda residents: Limited(lambda: LIMIT, lambda: 0, residents))
    yield ledger
    patch.undo()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., ServedApp], ledger: Ledger) -> Iterator[Run]:
    """Five checkpoints of random weights, a GGUF file, a server and the embedded model, and all raters."""
    import backends.hf.engine  # noqa: F401 - its import is in no model's growth

    place, patch = tmp_path_factory.mktemp("models"), pytest.MonkeyPatch()
    folders = [family_folder(place / f"secret-{family}", family) for family in FAMILIES]
    gguf = place / "secret-file.gguf"
    gguf.symlink_to(model_file(EMBEDDED["smollm2-135m"]))
    patch.setenv("OPENAI_API_KEY", SERVER_KEY)
    with llama_server() as server:
        names = [
            *(f"{folder.name}={folder}{SHORT}" for folder in folders),
            f"secret-gguf={gguf}{SHORT}&ctx=2048",
            f"secret-server=openai:{server.base_url}#{MODEL}{SHORT}",
            f"secret-embedded=smollm2-135m{SHORT}",
        ]
        app = serve(*names[:2], more=names[2:], load=False, lang="en")
        seen = asyncio.run(_all_raters(app, folders[-1]))
        votes = {vote.battle.prompt: vote for vote in read_votes(app.data_dir)}
        yield Run(seen, votes, ledger, [backend.spec.id for backend in app.services.roster])
    patch.undo()


async def _all_raters(app: ServedApp, breaks: Path) -> list[Seen]:
    """All raters, some at a time. Meanwhile one checkpoint cannot be loaded for a while."""
    places = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=app.url, timeout=60, trust_env=False) as client:
        events = await page_events(client)

    async def rate(number: int) -> list[Seen]:
        async with places:
            if number in (RATERS // 4, RATERS // 2):
                _break_or_mend(breaks)
            return await _rate(app.url, events, number)

    return [seen for each in await asyncio.gather(*map(rate, range(RATERS))) for seen in each]


def _break_or_mend(folder: Path) -> None:
    """Takes the weights away, or puts them back."""
    away, here = folder / "model.away", folder / "model.safetensors"
    (here if here.exists() else away).rename(away if here.exists() else here)


async def _rate(url: str, events: Events, number: int) -> list[Seen]:
    """One person in one tab: asks, watches both answers come, votes, and goes on."""
    browser = {"rater": uuid.uuid4().hex, "lang": "en"}
    result = []
    async with httpx.AsyncClient(base_url=url, timeout=600, trust_env=False) as client, PageSession(client) as session:
        await session.open(events, {BROWSER: browser})
        await session.call(events["mode", "input"][0], {BROWSER: browser, "mode": "blind"})
        for battle in range(BATTLES):
            seen = await _battle(session, events, browser, f"Question {number}.{battle}?")
            if not seen.failed:
                vote = events[f"vote_{random.choice(CHOICES)}", "click"][0]
                await session.call(vote, {BROWSER: browser})
            await session.call(events["new", "click"][0], {BROWSER: browser})
            result.append(seen)
    return result


async def _battle(session: PageSession, events: Events, browser: Any, question: str) -> Seen:
    send, seen, clock = events["send", "click"][0], Seen(question), asyncio.get_running_loop().time
    began = clock()
    async for output in session.watch(send, {BROWSER: browser, "prompt": question}):
        now, cells = clock() - began, output.get("data") or []
        seen.messages.append(json.dumps(cells))
        for side in "ab":
            if cells and "assistant" in json.dumps(cells[send.outputs.index(f"pane_{side}")]):
                seen.waits.setdefault(side, now)
    seen.failed = CUT in seen.messages[-1]
    return seen


def test_every_vote_is_kept_and_the_question_of_a_failed_battle_too(run: Run) -> None:
    judged = [seen.question for seen in run.seen if not seen.failed]
    assert sorted(run.votes) == sorted(judged) and len(run.seen) == RATERS * BATTLES
    failed = [seen for seen in run.seen if seen.failed]
    assert failed and all(seen.question in "".join(seen.messages) for seen in failed)


def test_every_pair_is_seen_within_a_fifth_of_what_is_needed(run: Run) -> None:
    """The scripted raters prefer no model, so that all pairs are needed alike."""
    counts = Counter(frozenset((vote.battle.a.model.id, vote.battle.b.model.id)) for vote in run.votes.values())
    assert len(counts) == 28
    wanted = len(run.votes) / 28
    assert {pair: count for pair, count in counts.items() if abs(count - wanted) > 0.2 * wanted} == {}
    chances = [vote.battle.pair_probability for vote in run.votes.values()]
    assert all(chance is not None and FLOOR / 28 <= chance + 1e-9 <= 1 for chance in chances)
    # Both sides of a pair come as often.
    lefts = Counter(vote.battle.a.model.id for vote in run.votes.values())
    alls = lefts + Counter(vote.battle.b.model.id for vote in run.votes.values())
    assert all(abs(lefts[model] - count / 2) < 4 * (count / 4) ** 0.5 for model, count in alls.items())


def test_memory_never_passes_the_limit(run: Run) -> None:
    assert 0.6 * LIMIT < run.ledger.claimed <= LIMIT
    # Loading and unloading over and over leaves nothing behind.
    quarter = len(run.ledger.taken) // 4
    early, late = run.ledger.taken[quarter : 2 * quarter], run.ledger.taken[-quarter:]
    assert quarter > 10 and median(late) < median(early) + 200_000_000


def test_nothing_before_the_vote_names_a_model(run: Run) -> None:
    named = [message for seen in run.seen for message in seen.messages if SECRET.search(message)]
    assert named == []


def test_a_guess_from_the_times_is_at_chance(run: Run) -> None:
    """A guesser that learns from the first half how long each model's side waited, and told which two models answer."""
    battles = [(seen, run.votes[seen.question].battle) for seen in run.seen if not seen.failed]
    half = len(battles) // 2
    waits: dict[str, list[float]] = {model: [] for model in run.ids}
    for seen, battle in battles[:half]:
        for side, wait in zip((battle.a, battle.b), seen.waits.values(), strict=True):
            waits[side.model.id].append(wait)
    usual = {model: mean(times) for model, times in waits.items()}
    right = 0
    for seen, battle in battles[half:]:
        first, second = sorted((battle.a.model.id, battle.b.model.id))
        apart = [wait - usual[model] for model in (first, second) for wait in seen.waits.values()]
        straight, crossed = abs(apart[0]) + abs(apart[3]), abs(apart[1]) + abs(apart[2])
        guess = first if straight < crossed or (straight == crossed and random.random() < 0.5) else second
        right += guess == battle.a.model.id
    number = len(battles) - half
    assert abs(right - number / 2) < 4 * (number / 4) ** 0.5
    # Why: no message shows the beginning of one side without that of the other.
    assert all(a == b for a, b in (seen.waits.values() for seen, _ in battles))
