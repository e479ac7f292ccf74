"""Which battle may be shown to whom. Knows no component."""

from __future__ import annotations

from arena.errors import InputError
from arena.judging.moderation import Reason
from arena.results.replay import find_vote
from arena.types import Vote
from ui.session import Services, Tab

Kept = dict[str, str] | None


def vote_on(services: Services, tab: Tab, kept: Kept, battle_id: str) -> Vote:
    """Raises InputError if there is none, if it would tell a rater whose answers those are, and if it is hidden from
    anybody but the host."""
    vote = find_vote(services.results.store, battle_id.strip())
    if vote is None:
        raise InputError("replay_unknown", "There is no vote on such a battle.")
    if vote.battle.source == "recorded":
        services.check_unblinding((kept or {}).get("rater", ""), tab.admin)
    if not tab.admin and why_hidden(services, vote):
        raise InputError("battle_hidden", "This battle is not shown here.")
    return vote


def why_hidden(services: Services, vote: Vote) -> Reason:
    """Why it is hidden from readers; "" if it is not."""
    return services.hidden.why(vote.battle) if services.hidden else ""
