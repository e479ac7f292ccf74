"""Writes the votes that may be published, with a card, as the files of a public dataset.

Only votes whose rater agreed, on battles that nobody hid, and without what looks like personal data. Ids are hashed
with a key that is thrown away, so that they lead to no receipt and to no other dataset.
"""

import hmac
import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from arena.errors import InputError
from arena.events import Event, NoEvents
from arena.exports.export import Progress, spec_of
from arena.exports.personal import Finding, findings_in
from arena.exports.tables import votes_csv, write_parquet
from arena.judging.moderation import Moderation
from arena.translations import LANGUAGES, Texts, read_table
from arena.types import Battle, ModelSpec, SideName, Vote
from arena.votes.records import StoredVote
from arena.votes.store import VoteStore

CARD, CSV, PARQUET = "README.md", "votes.csv", "votes.parquet"
ALL = "all"
"""What the host writes to keep every battle with a finding."""
_HERE = Path(__file__).parent
TEXTS = Texts(read_table(_HERE / "publication.toml"))
_COLUMNS = read_table(_HERE / "publication_columns.toml")
_DAY = 86_400
# The columns with ids, and what they identify: a battle and its repeat share their hashes.
_IDS = {"question_id": "battle", "repeat_of": "battle", "vote_id": "vote", "judge": "judge", "room": "room"}


class Reason(StrEnum):
    """Why a vote is not published; the first reason that applies counts."""

    NO_CONSENT = "no_consent"
    HIDDEN = "hidden"
    PERSONAL = "personal"


@dataclass
class Publication:
    """What was written and what was left out; `models` are ids, `days` the first and the last one as Unix seconds."""

    votes: int = 0
    blind: int = 0
    judges: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    days: tuple[float, float] = (float("inf"), 0.0)
    left_out: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(Reason, 0)))
    findings: list[Finding] = field(default_factory=list)

    def count(self, vote: Vote) -> None:
        """Counts a vote that is published."""
        self.votes += 1
        self.blind += vote.battle.blind
        self.judges.add(vote.judge)
        self.models |= {vote.battle.side(name).model.id for name in SideName}
        self.days = min(self.days[0], vote.time), max(self.days[1], vote.time)


class Screening:
    """Decides which votes may be published. `keep` are battles whose findings the host has judged harmless."""

    def __init__(self, events: Iterable[Event], words: Sequence[str] = (), keep: Collection[str] = ()) -> None:
        self._moderation = Moderation(NoEvents(), words)
        for event in events:
            self._moderation.replay(event)
        self._reported = {battle for battle, _ in self._moderation.undecided()}
        self._keep = keep
        self._hidden: set[tuple[str, str]] = set()

    def look_at(self, battle: Battle) -> None:
        """Notes what a hidden battle shows: other battles may show it again. Call it for all before `reason`."""
        if battle.id in self._reported or self._moderation.why(battle):
            self._hidden |= {exchanges[-1] for exchanges in _exchanges(battle)}

    def reason(self, vote: Vote, findings: Sequence[Finding]) -> Reason | None:
        """Why the vote is not published; None if it is."""
        reasons = {
            Reason.NO_CONSENT: vote.may_publish is not True,
            Reason.HIDDEN: any(not self._hidden.isdisjoint(exchanges) for exchanges in _exchanges(vote.battle)),
            Reason.PERSONAL: bool(findings) and ALL not in self._keep and vote.battle.id not in self._keep,
        }
        return next((reason for reason, holds in reasons.items() if holds), None)


def _exchanges(battle: Battle) -> Iterator[list[tuple[str, str]]]:
    """For each side every prompt with its answer, the last one at the end."""
    for name in SideName:
        side = battle.side(name)
        earlier = [(first.content, second.content) for first, second in pairwise(side.messages)]
        yield [*earlier, (battle.prompt, side.answer.text)]


def write_publication(
    store: VoteStore,
    screening: Screening,
    folder: Path,
    known: Sequence[ModelSpec] = (),
    licence: str = "other",
    progress: Progress = lambda *_: None,
) -> Publication:
    """Writes CARD, CSV and PARQUET into the empty folder; `known` are models whose licence is known.

    Raises InputError if no vote may be published, and if a library is missing.
    """
    counted = store.refresh(lambda done, total: progress("reading", done, total))
    rows = max(len(counted.table), 1)
    # Also votes that do not count: what they show may stand in one that does.
    for stored in store.stored(counted.every_row):
        screening.look_at(stored.vote.battle)
    result, key = Publication(), secrets.token_bytes(32)
    with votes_csv(folder / CSV) as add:
        for number, stored in enumerate(store.stored(counted.table)):
            progress("checking", number, rows)
            agreed = stored.vote.may_publish is True
            findings = list(findings_in(stored.vote)) if agreed else []
            reason = screening.reason(stored.vote, findings)
            if reason is not Reason.HIDDEN:
                result.findings += findings
            if reason:
                result.left_out[reason] += 1
                continue
            result.count(stored.vote)
            add(StoredVote(_anonymous(stored.row, key)))
    if not result.votes:
        raise _none(result)
    write_parquet(folder / CSV, folder / PARQUET, lambda done, total: progress("parquet", done, total))
    (folder / CARD).write_text(card(result, known, licence), encoding="utf-8")
    return result


def _anonymous(row: Mapping[str, str], key: bytes) -> dict[str, str]:
    """The row with other ids and the day in place of the time."""
    ids = {
        column: hmac.digest(key, f"{kind}:{row[column]}".encode(), "sha256").hex()[:24]
        for column, kind in _IDS.items()
        if row.get(column)
    }
    time = row.get("tstamp", "")
    return {**row, **ids, "tstamp": repr(float(time) // _DAY * _DAY) if time else ""}


def _none(result: Publication) -> InputError:
    left_out = [(reason, count) for reason, count in result.left_out.items() if count]
    chinese, english = (
        "; ".join(f"{TEXTS.text(lang, reason)}: {count}" for reason, count in left_out) for lang in LANGUAGES
    )
    message = f"No vote may be published. Votes left out: {english or 0}."
    return InputError("publish_none", message, counts=chinese or 0)


def card(result: Publication, known: Sequence[ModelSpec], licence: str) -> str:
    """The text of README.md, which hubs show as the card of the dataset."""
    first, last = (datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d") for time in result.days)
    rows = ((names.replace(", ", "`, `"), english, chinese) for names, (chinese, english) in _COLUMNS.items())
    template = (_HERE / "publication.txt").read_text(encoding="utf-8")
    return template.format(
        licence=licence,
        votes=result.votes,
        raters=len(result.judges),
        blind=result.blind,
        first=first,
        last=last,
        left_out="\n".join(f"- {_both(reason)}: {count}" for reason, count in result.left_out.items()),
        models="\n".join(_model_line(model, spec_of(model, known)) for model in sorted(result.models)),
        columns="\n".join(f"- `{names}`: {english} / {chinese}" for names, english, chinese in rows),
    )


def _both(key: str) -> str:
    return f"{TEXTS.text('en', key)} / {TEXTS.text('zh', key)}"


def _model_line(model: str, spec: ModelSpec | None) -> str:
    if spec is None or not spec.licence:
        return f"- `{model}`: {_both('licence_unknown')}"
    key = f"terms_{spec.licence}"
    terms = _both(key if key in TEXTS else "terms_unknown")
    return f"- `{model}`: [{spec.licence}]({spec.licence_url}): {terms}"
