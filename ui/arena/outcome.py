"""What every mode shows once a battle has ended: its models, the line under the panes, the pills, and the reference."""

from collections.abc import Mapping, Sequence
from html import escape

from arena.checks import check_answer, describe
from arena.prompts import Prompt, Reference
from arena.results.plots import color_of
from arena.types import Battle, Side, SideName, Vote, Winner
from ui.arena.messages import thinking_line, usage_line
from ui.arena.screen import CHOSEN, PILLS, PaneView, Phase, Row
from ui.texts import text

_LONGEST_WORD = 16  # characters that fit a pill


def reference_html(lang: str, prompts: Sequence[Prompt], battle: Battle) -> str:
    """The reference of the battle's prompt and the checks of both answers, folded; "" for a prompt without one."""
    reference = next((prompt.reference for prompt in prompts if prompt.id == battle.prompt_id), None)
    if reference is None:
        return ""
    known = f'<p class="known">{escape(reference.text)}</p>' if reference.text else ""
    checks = "".join(_side_checks(lang, reference, side, battle.side(side)) for side in SideName)
    if checks:
        note = escape(text(lang, "reference_note"))
        checks = f'<div class="checks">{checks}</div><p class="note">{note}</p>'
    title = escape(text(lang, "reference"))
    return f'<details class="reference"><summary>{title}</summary><div>{known}{checks}</div></details>'


def _side_checks(lang: str, reference: Reference, name: SideName, side: Side) -> str:
    written = [message.content for message in side.messages if message.role == "assistant"]
    checks = check_answer(reference, "\n\n".join([*written, side.answer.text]))
    if not checks:
        return ""
    lines = "".join(f"<li>{'✓' if check.passed else '✗'} {escape(describe(lang, check))}</li>" for check in checks)
    return f"<div><b>{escape(text(lang, f'side_{name}'))}</b><ul>{lines}</ul></div>"


def revealed(lang: str, battle: Battle, side: SideName, rows: Sequence[Row]) -> PaneView:
    """A pane once its model may be named."""
    shown = battle.side(side)
    meta = " · ".join(filter(None, (usage_line(lang, shown.answer), thinking_line(lang, shown.model, shown.config))))
    return PaneView(shown.model.name, rows, "done", meta, battle_color(battle, side), actions=("copy",))


def battle_color(battle: Battle, side: SideName) -> str:
    """The colour of a side's model."""
    return color_of(battle.side(side).model.id, (battle.a.model.id, battle.b.model.id))


def outcome_html(lang: str, phase: Phase, vote: Vote | None) -> str:
    """The line under the panes, as HTML."""
    if vote:
        return choice_html(lang, vote, "saved_model", f"saved_{vote.winner}")
    keys = {"vote": "vote_open", "cut": "vote_not"}
    return escape(text(lang, keys[phase])) if phase in keys else ""


def choice_html(lang: str, vote: Vote, named: str, unnamed: str) -> str:
    """The text `named` with the chosen model in its colour, or the text `unnamed` if none was chosen."""
    side = next((side for side, winner in CHOSEN.items() if winner is vote.winner), None)
    if side is None:
        return escape(text(lang, unnamed))
    name = f'<b data-color="{battle_color(vote.battle, side)}">{escape(vote.battle.side(side).model.name)}</b>'
    return escape(text(lang, named, model="\0")).replace("\0", name)


def hint_text(lang: str, phase: Phase, waiting: str) -> str:
    """The text in the empty input; `waiting` names the one for a phase in which nothing runs."""
    keys = {"run": "hint_run", "vote": "hint_vote"}
    return text(lang, keys.get(phase, f"hint_{waiting}"))


def pill_labels(lang: str, names: Mapping[SideName, str] | None = None) -> dict[Winner, str]:
    """The texts of the pills: with the first words of the models' names if these are short and differ, or with left
    and right."""
    labels = {winner: text(lang, f"vote_{winner}") for winner in PILLS}
    words = {side: name.split("-")[0] for side, name in (names or {}).items()}
    if len(set(words.values())) == len(SideName) and max(map(len, words.values())) <= _LONGEST_WORD:
        for side, word in words.items():
            labels[CHOSEN[side]] = text(lang, "vote_named", model=word)
    return labels
