"""The empty Arena: what to do here, and prompts to start from."""

from collections.abc import Sequence
from html import escape
from itertools import zip_longest

from arena.judging.room import Room
from arena.judging.rooms import unknown_room
from arena.prompts import Prompt
from arena.results.figures import Figures
from arena.results.texts import dimension_name
from ui.arena.screen import Mode
from ui.markup import alert
from ui.results.view import room_results
from ui.texts import error_text, text

# Cards shown at first; the others take one more click.
FIRST_CARDS = 6


def welcome_html(lang: str, mode: Mode, prompts: Sequence[Prompt], names: Sequence[str]) -> str:
    """The title, what happens here, and a card for each prompt."""
    lead = text(lang, f"welcome_{mode}", **({"models": text(lang, "and").join(names)} if mode == "named" else {}))
    cards = [_card(lang, prompt) for prompt in _by_turns(prompts)] if mode != "rate" else []
    more = ""
    if len(cards) > FIRST_CARDS:
        title = escape(text(lang, "more_prompts"))
        more = f"<details><summary>{title}</summary>{_grid(cards[FIRST_CARDS:])}</details>"
    shown = _grid(cards[:FIRST_CARDS])
    stored = escape(text(lang, "stored"))
    return (
        f'<div class="welcome"><h1>{escape(text(lang, "welcome"))}</h1><p>{escape(lead)}</p>{shown}{more}'
        f'<p class="stored">{stored}</p></div>'
    )


def over_html(lang: str, total: int) -> str:
    """What a rater sees who has rated everything."""
    return (
        f'<div class="welcome"><h1>{escape(text(lang, "judge_done", total=total))}</h1>'
        f'<p><a class="button" href="#results">{escape(text(lang, "see_results"))}</a></p></div>'
    )


def room_html(lang: str, room: Room | None, unknown: str, figures: Figures | None) -> str:
    """The room of a class, its results once it is closed, or that no room has the code `unknown`."""
    if unknown:
        return alert(error_text(lang, unknown_room(unknown)))
    if room is None:
        return ""
    if figures is None:
        return f'<p class="room">{escape(text(lang, "room_is", code=room.code))}</p>'
    return f"<h3>{escape(text(lang, 'room_over', code=room.code))}</h3>{room_results(lang, figures)}"


def _by_turns(prompts: Sequence[Prompt]) -> list[Prompt]:
    """The prompts with their dimensions taking turns, so that the first cards show all kinds."""
    kinds: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        kinds.setdefault(prompt.dimension, []).append(prompt)
    return [prompt for row in zip_longest(*kinds.values()) for prompt in row if prompt is not None]


def _grid(cards: Sequence[str]) -> str:
    return f'<div class="prompt-cards">{"".join(cards)}</div>' if cards else ""


def _card(lang: str, prompt: Prompt) -> str:
    kind = escape(dimension_name(lang, prompt.dimension))
    return (
        f'<button type="button" class="card" data-prompt="{escape(prompt.text)}"><small>{kind}</small>'
        f"<b>{escape(prompt.title[lang])}</b><span>{escape(prompt.text)}</span></button>"
    )
