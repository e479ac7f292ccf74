"""Three page processes behind nginx and two model servers behind LiteLLM; one of each is killed in the middle."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import ssl
import subprocess
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from environments import python_with
from llama_server import MODEL, SERVER_KEY, LlamaServer, llama_server
from proxies import nginx
from served_app import ROOT, free_port, run_in_process, wait_for
from vote_samples import log_path, read_votes

from arena.errors import InputError
from arena.events import EventLog
from arena.judging.ballots import Ballots
from arena.judging.pairs import load_pairs
from arena.judging.rooms import Rooms
from arena.votes import VoteLog
from arena.votes.store import VoteStore
from bench.load.crowd import BROWSER
from bench.load.page_client import Events, PageSession, Refused, page_events, served_app
from bench.load.vote_log import sample_answers

pytestmark = [pytest.mark.extra, pytest.mark.model, pytest.mark.timeout(3000)]

RATERS, PROMPTS, ASKERS, QUESTIONS = 300, 4, 8, 4
GATEWAY_KEY = "sk-of-the-gateway"
CHOICES = ("model_a", "model_b", "tie", "bad")
Use = Callable[[PageSession, Events, dict[str, str], str], Awaitable[None]]
RECEIPT, VOTABLE = 'class="receipt"', 'data-phase="vote"'


@contextmanager
def litellm(servers: Sequence[LlamaServer]) -> Iterator[str]:
    """The address of LiteLLM with deploy/litellm.yaml in front of the servers."""
    python, port = python_with(Path(__file__).with_name("requirements-litellm.txt")), free_port()
    text = re.sub(r"model: openai/\w+", f"model: openai/{MODEL}", (ROOT / "deploy/litellm.yaml").read_text("utf-8"))
    for number, server in enumerate(servers, 1):
        text = re.sub(rf"http://\w+-{number}:8000", server.address, text)
    config = python.parents[1] / "litellm.yaml"
    config.write_text(text, encoding="utf-8")
    environment = {**os.environ, "MODEL_SERVER_KEY": SERVER_KEY, "LITELLM_MASTER_KEY": GATEWAY_KEY}
    environment |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HOME": str(python.parents[1])}
    command = [str(python.parent / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/health/liveliness", 300)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


@dataclass
class People:
    """Everybody at the page, and what happened to them.

    `acknowledged` has the battle or the question of each vote with a receipt, `asked_again` those that were shown once
    more, and `waits` how many times in a row each person had to open the page until it worked.
    """

    url: str
    code: str
    acknowledged: list[str] = field(default_factory=list)
    asked_again: list[str] = field(default_factory=list)
    waits: Counter[int] = field(default_factory=Counter)
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    async def stay(self, use: Use) -> None:
        """One person, who opens the page again whenever it fails, until `use` returns."""
        browser, tab, failures = {"rater": uuid.uuid4().hex, "lang": "en"}, uuid.uuid4().hex, 0
        async with httpx.AsyncClient(base_url=self.url, timeout=120, trust_env=False, verify=self.tls) as client:
            while True:
                try:
                    (await client.get("/")).raise_for_status()
                    events = await page_events(client)
                    async with PageSession(client) as session:
                        opened = await session.open(events, {BROWSER: browser, "tab_id": tab})
                        self.waits[failures], failures = self.waits[failures] + 1, 0
                        return await use(session, events, browser, str(opened["battle_id"].get("value") or ""))
                except (Refused, httpx.HTTPError, json.JSONDecodeError, KeyError):
                    failures += 1
                    await asyncio.sleep(random.uniform(0.5, 1.5))

    async def rate(self, session: PageSession, events: Events, browser: dict[str, str], battle: str) -> None:
        """Judges all recorded answers of the room, first the battle that the page shows when it is opened."""
        if not battle:
            inputs = {BROWSER: browser, "room_code": self.code}
            battle = str((await session.call(events["join_room", "click"][0], inputs))["battle_id"])
        while battle:
            if battle in self.acknowledged:
                self.asked_again.append(battle)
            await asyncio.sleep(random.uniform(1, 15))
            await self._vote(session, events, browser, battle)
            battle = str((await session.call(events["new", "click"][0], {BROWSER: browser}))["battle_id"])

    async def _vote(self, session: PageSession, events: Events, browser: dict[str, str], about: str) -> None:
        shown = await session.call(events[f"vote_{random.choice(CHOICES)}", "click"][0], {BROWSER: browser})
        if RECEIPT not in json.dumps(shown).replace("\\", ""):
            raise Refused("no receipt")
        self.acknowledged.append(about)

    def asker(self, number: int) -> Use:
        """Somebody who asks the models and votes on each battle."""
        questions = [f"Question {number}.{battle}?" for battle in range(QUESTIONS)]

        async def ask(session: PageSession, events: Events, browser: dict[str, str], _: str) -> None:
            await session.call(events["mode", "input"][0], {BROWSER: browser, "mode": "blind"})
            while questions:
                inputs, last = {BROWSER: browser, "prompt": questions[0]}, ""
                async for output in session.watch(events["send", "click"][0], inputs):
                    last = json.dumps(output).replace("\\", "")
                if VOTABLE not in last:  # the server of a model has died
                    await session.call(events["new", "click"][0], {BROWSER: browser})
                    continue
                await self._vote(session, events, browser, questions[0])
                questions.pop(0)
                await session.call(events["new", "click"][0], {BROWSER: browser})

        return ask


async def everybody(people: People, pages: Sequence[subprocess.Popen[bytes]], servers: Sequence[LlamaServer]) -> None:
    """All people at once; after a third of the votes a page process is killed, and after half of them a server."""
    votes = RATERS * PROMPTS
    tasks = [asyncio.create_task(people.stay(people.rate)) for _ in range(RATERS)]
    tasks += [asyncio.create_task(people.stay(people.asker(number))) for number in range(ASKERS)]
    for due, process in ((votes // 3, pages[1]), (votes // 2, servers[0].process)):
        while len(people.acknowledged) < due:
            await asyncio.sleep(0.1)
        process.kill()
    await asyncio.gather(*tasks)


def opened_room(answers: Path, data_dir: Path) -> str:
    """The code of a room in the folder, as if a teacher had opened it before."""
    with EventLog(data_dir) as events:
        closed = InputError("bench_failed", "The app has not started yet, so nobody can vote.")
        rooms = Rooms(load_pairs(answers, ()), Ballots(closed), events)
        return rooms.open(rooms.prompts, RATERS).code


def results(folder: Path) -> dict[str, Any]:
    result = run_in_process("results", "--json", "--data-dir", str(folder))
    return dict(json.loads(result.stdout))


def test_three_pages_and_two_servers_lose_nothing_when_one_of_each_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, data_dir = tmp_path / "answers.jsonl", tmp_path / "data"
    answers.write_text("\n".join(sample_answers(PROMPTS)), encoding="utf-8")
    code = opened_room(answers, data_dir)
    monkeypatch.setenv("OPENAI_API_KEY", GATEWAY_KEY)
    monkeypatch.setenv("ARENA_JUDGE_KEY", "of the test")
    with ExitStack() as stack:
        servers = [stack.enter_context(llama_server(slots=4)) for _ in range(2)]
        gateway = stack.enter_context(litellm(servers))
        models = [f"{name}=openai:{gateway}/v1#{name}?max_new_tokens=8" for name in ("qwen", "chatglm")]
        options = ["--models", ",".join(models), "--answers", str(answers), "--lang", "en"]
        pages = [stack.enter_context(served_app(options, data_dir)) for _ in range(3)]
        people = People(stack.enter_context(nginx([url for url, _ in pages])).rstrip("/"), code)
        asyncio.run(everybody(people, [process for _, process in pages], servers))
    report, votes = VoteStore(data_dir).refresh().report, list(read_votes(data_dir))
    counted = Counter(vote.battle.prompt if vote.battle.source == "live" else vote.battle.id for vote in votes)
    judged = Counter((vote.judge, vote.battle.prompt_id) for vote in votes if vote.room and not vote.repeat_of)
    print(f"{len(people.acknowledged)} acknowledged, {len(votes)} counted, reloads: {dict(people.waits)}, {report}")
    assert Counter(people.acknowledged) - counted == Counter() == counted - Counter(dict.fromkeys(counted, 1))
    assert people.asked_again == [] and (report.unfinished, report.unreadable, report.damaged) == (0, (), ())
    assert len(judged) == RATERS * PROMPTS and set(judged.values()) == {1}
    assert sum(vote.battle.source == "live" for vote in votes) == ASKERS * QUESTIONS
    # Whoever was on the page that died opened it again, at most once more if that failed as well.
    assert max(people.waits) <= 2 and sum(people.waits[failures] for failures in (1, 2)) >= RATERS // 10
    assert len(list(data_dir.glob("votes*.csv"))) == 3
    with VoteLog(log_path(tmp_path / "single")) as log:
        for vote in votes:
            log.append(vote)
    assert results(data_dir) == results(tmp_path / "single")
