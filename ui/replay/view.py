"""What the replay shows, as HTML."""

import json
from collections.abc import Iterator, Mapping
from html import escape

from arena.backend import Backend
from arena.results.replay import Obstacle, fingerprints, same_until
from arena.types import Answer, Battle, Side, SideName, Vote
from ui.arena.messages import answer_rows, message_rows, usage_line
from ui.arena.outcome import battle_color, choice_html
from ui.arena.screen import PaneView
from ui.markup import html_table, status
from ui.texts import error_text, text


def arena_link(lang: str) -> str:
    """The way from a battle to the arena, as HTML."""
    return f'<a class="button" href="./">{escape(text(lang, "replay_arena"))}</a>'


def title_html(lang: str, vote: Vote) -> str:
    """What was voted and, unless it is a part of a longer conversation, the prompt."""
    words = choice_html(lang, vote, "vote_named", f"vote_{vote.winner}")
    outcome = escape(text(lang, "replay_outcome", outcome="\0")).replace("\0", words)
    prompt = f"<blockquote>{escape(vote.battle.prompt)}</blockquote>" if _is_single(vote.battle) else ""
    return f"<header><h1>{outcome}</h1>{arena_link(lang)}</header>{prompt}"


def pane_views(lang: str, battle: Battle) -> dict[SideName, PaneView]:
    """Both sides: the answer, after the conversation before it if there is one."""
    views = {}
    for name in SideName:
        side = battle.side(name)
        rows = [] if _is_single(battle) else message_rows(side.messages)
        rows += answer_rows(lang, side.answer)
        views[name] = PaneView(side.model.name, rows, "done", usage_line(lang, side.answer), battle_color(battle, name))
    return views


def _is_single(battle: Battle) -> bool:
    """Whether the battle is one question; very old logs have no messages."""
    return all(sum(message.role == "user" for message in battle.side(name).messages) <= 1 for name in SideName)


def facts_block(lang: str, battle: Battle) -> str:
    """How both answers were generated, with their fingerprints, side by side."""
    headers = [text(lang, name) for name in ("replay_fact", "replay_side_a", "replay_side_b")]
    columns = [dict(_facts(battle.side(name))) for name in SideName]
    rows = [
        [escape(text(lang, fact)), *(f"<code>{escape(column[fact] or '–')}</code>" for column in columns)]
        for fact in columns[0]
    ]
    return html_table(headers, rows)


def _facts(side: Side) -> Iterator[tuple[str, str]]:
    """Pairs of the key of a text and a value."""
    usage = side.answer.usage
    yield "about_model", side.model.id
    yield "column_precision", side.model.precision
    yield "replay_revision", side.model.revision
    yield "settings", json.dumps(side.config.as_dict()) if side.config else ""
    yield "replay_finish", side.answer.finish_reason or ""
    yield "replay_tokens", "" if usage.new_tokens is None else str(usage.new_tokens)
    yield "replay_seconds", "" if usage.seconds is None else f"{usage.seconds:.1f}"
    yield from zip(("replay_messages", "replay_answer"), fingerprints(side), strict=True)


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
