"""What the replay shows, as HTML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from html import escape

from arena.results.replay import Obstacle, fingerprints, same_until
from arena.types import Answer, Backend, Battle, Side, SideName, Vote
from ui.markup import html_table, status
from ui.texts import error_text, text


def replay_link(lang: str, battle_id: str, target: str = "") -> str:
    """A link to the replay of a battle, as HTML; it opens a tab of its own."""
    address = escape(f"?replay={battle_id}")
    return f'<a href="{address}" target="_blank" rel="noopener">{target or text(lang, "replay_link")}</a>'


def facts_block(lang: str, vote: Vote) -> str:
    """How both answers were generated, with their fingerprints, side by side."""
    headers = [text(lang, name) for name in ("replay_fact", "replay_side_a", "replay_side_b")]
    columns = [dict(_facts(vote.battle.side(name))) for name in SideName]
    rows = [
        [escape(text(lang, f"replay_{fact}")), *(f"<code>{escape(column[fact] or '–')}</code>" for column in columns)]
        for fact in columns[0]
    ]
    outcome = text(lang, "replay_outcome", outcome=text(lang, f"vote_{vote.winner}"))
    link = replay_link(lang, vote.battle.id)
    return f"<p>{escape(outcome)} · {link}</p>{html_table(headers, rows)}"


def _facts(side: Side) -> Iterator[tuple[str, str]]:
    usage, prints = side.answer.usage, fingerprints(side)
    yield "model", side.model.id
    yield "precision", side.model.precision
    yield "revision", side.model.revision
    yield "settings", json.dumps(asdict(side.config)) if side.config else ""
    yield "finish", side.answer.finish_reason or ""
    yield "tokens", "" if usage.new_tokens is None else str(usage.new_tokens)
    yield "seconds", "" if usage.seconds is None else f"{usage.seconds:.1f}"
    yield "messages", prints.messages
    yield "answer", prints.answer


def outcome_block(
    lang: str, then: Battle, now: Battle | None, obstacles: Mapping[SideName, tuple[Obstacle, Backend | None]]
) -> str:
    """For each side whether the new answer is the same as the old one, or why there is none."""
    lines = []
    for name in SideName:
        side = then.side(name)
        if name in obstacles:
            words = _obstacle(lang, *obstacles[name])
        else:
            words = _compared(lang, side.answer.text, now.side(name).answer if now else Answer())
        label = text(lang, f"replay_side_{name}")
        lines.append(text(lang, "replay_line", side=label, model=side.model.id, words=words))
    return "".join(map(status, lines))


def _obstacle(lang: str, why: Obstacle, backend: Backend | None) -> str:
    spec = backend.spec if backend else None
    here = {"revision": spec.revision or "–", "precision": spec.precision or "–"} if spec else {}
    return text(lang, f"replay_{why}", **here)


def _compared(lang: str, then: str, answer: Answer) -> str:
    if answer.error:
        return text(lang, "replay_failed", reason=error_text(lang, answer.error))
    if answer.finish_reason == "cancelled":
        return text(lang, "replay_stopped")
    common, now = same_until(then, answer.text), answer.text
    if common < len(now) or (answer.finish_reason and now != then):
        return text(lang, "replay_differs", count=common)
    if answer.finish_reason:
        return text(lang, "replay_same", count=len(now))
    return text(lang, "replay_growing", count=len(now)) if now else text(lang, "replay_waiting")
