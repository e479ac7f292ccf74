"""Builds what a page works with: backends, conversations, the vote log, rooms, results."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path

import typer

from arena.answers import FILE_NAME as ANSWERS
from arena.answers import answers_of
from arena.batch.run import BatchRunner
from arena.chat import Chat, Chats
from arena.errors import ArenaError, InputError
from arena.events import EventLog, NoEvents
from arena.exports.export import Downloads
from arena.judging.ballots import Ballots
from arena.judging.crowds import Crowds
from arena.judging.draw import PairDraw
from arena.judging.judge_key import JudgeKey
from arena.judging.limits import Admin, RateLimits
from arena.judging.live import LiveBattles
from arena.judging.moderation import Moderation
from arena.judging.pairs import load_pairs
from arena.judging.rooms import Rooms
from arena.judging.withdrawals import Withdrawals
from arena.prompts import Prompt, PromptStore
from arena.report.reports import Reports
from arena.results.service import ResultsService
from arena.roster import Roster
from arena.sessions import Sessions
from arena.types import ModelSpec
from arena.votes import VoteLog
from arena.votes.backup_status import BackupStatus
from arena.votes.store import VoteStore
from backends import Backends
from backends.models.catalog import EMBEDDED, FETCHED
from commands.adding import adding, needs_of_all
from commands.batch import host_of
from commands.hosting import Hosting
from commands.options import background, known_models
from ui.access import Access
from ui.gradio.sign_in import account_of
from ui.services import Services, Site

# How long the draw of a battle's models waits for results that include the last votes.
_FIGURES_SECONDS = 0.2
# Seconds between two answers of a batch: longer than a model that waits for memory takes to notice (budget.py).
BATCH_REST = 0.5


def compose(
    specs: Sequence[ModelSpec],
    loaded: tuple[Prompt, ...],
    hosting: Hosting,
    backup: Callable[[], BackupStatus] | None = None,
) -> Services:
    """Everything that a page works with; `loaded` is the prompt set. Raises InputError for malformed answers.

    Without `specs` no model runs, and only recorded answers can be rated. `backup` returns the state of the backup; it
    is None where that need not be shown.
    """
    data_dir = hosting.data_dir
    backends = Backends()
    roster = Roster(list(map(backends.open, specs)), needs_of_all(specs))
    may_answer = bool(roster or hosting.to_add)
    added = adding(roster, backends, hosting.environment, data_dir) if may_answer else None
    log, events, limits = open_log(data_dir), open_events(data_dir), RateLimits()
    key, store = JudgeKey(data_dir / "judge.key", hosting.judge_secret), VoteStore(data_dir)
    ballots = Ballots(log, limits, key.save, store.vote_on, Crowds(events, store.has_judge).note)
    prompts = PromptStore(loaded, events, hosting.named_prompts)
    events.follow(prompts.replay)
    pairs = load_pairs(hosting.answers, prompts.known) if hosting.answers else ()
    rooms = Rooms(pairs, ballots, events) if pairs else None
    # A proxy in front of a public address may hide that a request comes from elsewhere.
    trusts_machine = hosting.is_local and not hosting.public_url
    has_host = bool(hosting.admin_token) or trusts_machine
    moderation = Moderation(events, hosting.words)
    events.follow(moderation.replay, *([rooms.replay] if rooms else []))
    if rooms:
        with suppress(ArenaError):  # the results say what is wrong with the votes
            rooms.replay_votes(store)
    results = ResultsService(store, background(prompts, hosting.answers, answers_of(data_dir)))
    draw = PairDraw(roster, partial(results.soon, seconds=_FIGURES_SECONDS))
    return Services(
        site=Site(
            secret=key.derive("browser"),
            lang=hosting.lang,
            public_url=hosting.public_url,
            hosts=hosting.hosts,
            backup=backup,
            known=(*FETCHED.values(), *EMBEDDED.values()),
            has_samples=hosting.has_samples,
        ),
        access=Access(
            judge=key.judge,
            count_prompt=limits.count_prompt,
            # Votes on samples are for trying it out: their results are open to all.
            rooms=None if hosting.has_samples else rooms,
            admin=Admin(hosting.admin_token, limits) if hosting.admin_token else None,
            is_local=trusts_machine,
            public_results=hosting.public_results,
            login=hosting.sign_in,
            account_of=account_of,
        ),
        roster=roster,
        prompts=prompts,
        chats=Chats(lambda: Chat(roster.first, ballots.offer, later=lambda: roster.first)),
        ballots=ballots,
        results=results,
        export=Downloads(data_dir),
        sessions=Sessions(data_dir / "sessions"),
        withdrawals=Withdrawals(store, events, key.code, limits.count_try),
        rooms=rooms,
        live=LiveBattles(draw, ballots) if may_answer else None,
        moderation=moderation,
        catch_up=events.catch_up,
        batch=_batch(roster, prompts, data_dir / ANSWERS) if may_answer and has_host else None,
        adding=added if has_host else None,
        coming=added if hosting.to_add else None,
        reports=Reports(results, data_dir, hosting.answers, prompts.known, known_models()),
    )


def _batch(roster: Roster, prompts: PromptStore, path: Path) -> BatchRunner:
    def rest() -> float:
        return BATCH_REST if len(roster) > 2 else 0.0  # of two models none is unloaded for another

    host = host_of(lambda spec: nullcontext(roster[spec.id]), rest)
    return BatchRunner(lambda: roster.specs, prompts, path, host)


def open_events(data_dir: Path) -> EventLog | NoEvents:
    """The event log; if the folder cannot be written, one that lasts as long as this process."""
    try:
        return EventLog(data_dir)
    except InputError:  # open_log prints the warning
        return NoEvents()


def open_log(data_dir: Path) -> VoteLog | ArenaError:
    """The vote log; if the folder cannot be written, the reason."""
    try:
        return VoteLog(data_dir / "votes.csv")
    except InputError as error:
        typer.echo(f"Warning: {error} Votes will be refused.", err=True)
        return error
