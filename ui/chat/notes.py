"""The line under the vote: whether a battle can be judged, or the receipt. Knows no component."""

from __future__ import annotations

from arena.chat import Chat
from arena.judging.ballots import Ballots
from arena.types import Vote
from ui.replay.view import replay_link
from ui.texts import text


def vote_note(lang: str, chat: Chat, ballots: Ballots, vote: Vote | None) -> str:
    """What to know about judging the last battle; `vote` is the last vote of this tab."""
    turns = chat.turns
    if not turns:
        return ""
    if chat.running:
        return text(lang, "vote_wait")
    if vote and vote.battle.id == turns[-1].id:
        return receipt_with_link(lang, vote)
    return text(lang, "vote_open" if ballots.is_open(turns[-1].id) else "vote_not")


def receipt_with_link(lang: str, vote: Vote) -> str:
    """The same with a link to what was judged, as Markdown."""
    return f"{receipt(lang, vote)} · {replay_link(lang, vote.battle.id)}"


def receipt(lang: str, vote: Vote) -> str:
    """What the rater sees once the row is on disk."""
    return text(
        lang,
        "receipt",
        choice=text(lang, f"vote_{vote.winner}"),
        a=vote.battle.a.model.id,
        b=vote.battle.b.model.id,
        id=vote.id[:8],
    )
