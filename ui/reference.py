"""What is known of a good answer, beside two answers that have been judged. Knows no component."""

from __future__ import annotations

import html
from collections.abc import Sequence

from arena.checks import check_answer
from arena.checks.texts import describe
from arena.prompts import Prompt, Reference
from arena.types import Battle, Side, SideName, Vote
from ui.texts import text


def reference_block(lang: str, prompts: Sequence[Prompt], vote: Vote | None) -> str:
    """What is known of a good answer to the prompt that was voted on, and how both answers stand to it, as HTML.

    Nothing before the vote, and for a prompt that is not in the set or has no reference.
    """
    if vote is None:
        return ""
    battle = vote.battle
    reference = next((prompt.reference for prompt in prompts if prompt.id == battle.prompt_id), None)
    return _block(lang, reference, battle) if reference else ""


def _block(lang: str, reference: Reference, battle: Battle) -> str:
    parts = [f"<h4>{html.escape(text(lang, 'reference'))}</h4>"]
    if reference.text:
        parts.append(f'<p class="known">{html.escape(reference.text)}</p>')
    sides = [_side(lang, reference, side, battle.side(side)) for side in SideName]
    if any(sides):
        note = html.escape(text(lang, "reference_note"))
        parts.append(f'<div class="checks">{"".join(sides)}</div><p class="note">{note}</p>')
    return "".join(parts)


def _side(lang: str, reference: Reference, name: SideName, side: Side) -> str:
    """All that one side wrote, checked."""
    written = [message.content for message in side.messages if message.role == "assistant"]
    checks = check_answer(reference, "\n\n".join([*written, side.answer.text]))
    if not checks:
        return ""
    lines = "".join(f"<li>{'✓' if check.passed else '✗'} {html.escape(describe(lang, check))}</li>" for check in checks)
    return f"<div><b>{html.escape(text(lang, f'judge_{name}'))}</b><ul>{lines}</ul></div>"
