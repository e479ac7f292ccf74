"""What every component of the Arena shows, from the screen of the mode that is on."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import zip_longest

from arena.backend import Backend
from arena.judging.room import Room
from arena.judging.rooms import unknown_room
from arena.prompts import Prompt
from arena.results.selection import Filters
from arena.results.service import ResultsService
from arena.results.texts import dimension_name
from arena.text import language_of
from arena.types import SideName
from ui.arena.layout import SAVED, ArenaTab
from ui.arena.mode import Modes, mode_of, offered
from ui.arena.modes import Named
from ui.arena.rate import Rate
from ui.arena.screen import Mode, Screen, head_html, phase_html, switch_html
from ui.markup import alert
from ui.results.view import room_results
from ui.tabs import Tab
from ui.texts import error_text, text
from ui.updates import Props

# Cards shown at first; the others take one more click.
FIRST_CARDS = 6


def arena_props(tab: Tab, part: ArenaTab, modes: Modes, prompts: Sequence[Prompt], results: ResultsService) -> Props:
    """What every changing component shows now, as properties."""
    lang, mode = tab.lang, mode_of(tab, modes)
    screen, edits = mode.screen(tab), tab.draft is not None
    props: Props = {
        part.welcome: {"value": _welcome(tab, screen, modes, prompts)},
        part.switch: {"value": switch_html(lang)},
        part.phase: {"value": phase_html(lang, screen, edits)},
        part.start: {"visible": screen.mode == "rate" and screen.phase == "empty"},
        part.composer.mode: {
            "value": screen.mode,
            "choices": [(text(lang, f"mode_{name}"), name) for name in offered(modes)],
        },
        part.composer.more: {"value": _more(lang, screen, has_turns=bool(mode.conversation(tab)))},
        part.edit: {"value": text(lang, "edit_cancel" if edits else "edit_question")},
        part.new: {"value": text(lang, "judge_next" if screen.mode == "rate" else "new_battle")},
        part.add_details: {"value": _opener(lang, "details")},
        **{pill: {"value": screen.labels[winner]} for winner, pill in part.pills.items()},
        **_room(tab, part, modes, results),
        part.battle_id: {"value": Rate.battle_id(tab) if screen.mode == "rate" else ""},
    }
    named = modes.get("named")
    if isinstance(named, Named) and part.pickers and tab.chat.pair:
        props[part.choice] = {"visible": len(named.roster) > len(SideName)}
        # What is loaded would tell whose answers a blind battle shows.
        tells_loaded = not tab.live.view or tab.live.vote is not None
        choices = [
            (_described(lang, backend, named.roster.needs, tells_loaded), backend.spec.id) for backend in named.roster
        ]
        # A model that is offered no more may still be in a conversation.
        known = {model for _, model in choices}
        choices += [(spec.name, spec.id) for spec in named.specs(tab) if spec.id not in known]
        for side, picker in part.pickers.items():
            props[picker] = {"choices": choices, "value": tab.chat.pair[side].spec.id}
    for side in SideName:
        props[part.heads[side]] = {"value": head_html(lang, side, screen)}
        props[part.panes[side]] = {"value": list(screen.panes[side].rows)}
    return props


def _described(lang: str, backend: Backend, needs: Mapping[str, int], tells_loaded: bool) -> str:
    """What a reader needs to choose a model; `needs` are bytes of memory by id."""
    spec = backend.spec
    need = text(lang, "model_needs", size=f"{needs[spec.id] / 1e9:.1f}") if spec.id in needs else ""
    loaded = text(lang, "model_loaded") if tells_loaded and backend.load_state.ready else ""
    return " · ".join(filter(None, (spec.name, need, spec.licence, loaded)))


def _welcome(tab: Tab, screen: Screen, modes: Modes, prompts: Sequence[Prompt]) -> str:
    if screen.phase == "over" and tab.judging.position:
        return over_html(tab.lang, tab.judging.position.done)
    specs = [spec for mode in modes.values() for spec in mode.specs(tab)]
    english_only = bool(specs) and all(spec.stand_in for spec in specs)
    shown = [prompt for prompt in prompts if not english_only or language_of(prompt.text) == "English"]
    return welcome_html(tab.lang, screen.mode, shown, [spec.name for spec in specs])


def _room(tab: Tab, part: ArenaTab, modes: Modes, results: ResultsService) -> Props:
    rate = modes.get("rate")
    room = rate.rooms.room(tab.room) if isinstance(rate, Rate) and tab.room else None
    closed = room is not None and room.closed
    refused = alert(error_text(tab.lang, tab.refused)) if tab.refused else ""
    return {
        part.room: {"value": refused + room_html(tab.lang, room, tab.unknown_room, results)},
        part.room_results: {"visible": room is not None and not closed},
        part.begin: {"visible": not closed},
    }


def _more(lang: str, screen: Screen, *, has_turns: bool) -> str:
    """The buttons beside the choice of the mode."""
    together = f'<button type="button" class="opener" id="together">{text(lang, "scroll_together")}</button>'
    buttons = [_opener(lang, "settings") if screen.mode == "named" else "", together if screen.phase != "empty" else ""]
    if has_turns:
        files = [
            f'<button type="button" class="opener" data-press="save_{kind}">{text(lang, f"save_{kind}")}</button>'
            for kind in SAVED
        ]
        buttons += [_opener(lang, "save"), f'<div id="save" class="sheet">{"".join(files)}</div>']
    return "".join(buttons)


def _opener(lang: str, name: str) -> str:
    label = text(lang, f"open_{name}")
    return f'<button type="button" class="opener" data-open="{name}" aria-expanded="false">{label}</button>'


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


def room_html(lang: str, room: Room | None, unknown: str, results: ResultsService) -> str:
    """The room of a class, its results once it is closed, or that no room has the code `unknown`."""
    if unknown:
        return alert(error_text(lang, unknown_room(unknown)))
    if room is None:
        return ""
    if not room.closed:
        return f'<p class="room">{escape(text(lang, "room_is", code=room.code))}</p>'
    figures = results.figures(Filters(room=room.code))
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
