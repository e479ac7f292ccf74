"""What the Arena tab shows, as values; the HTML of its heads and of the line between panes and composer; the messages
of a pane, as gr.Chatbot takes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

from arena.backend import LoadState
from arena.generation_config import GenerationConfig
from arena.types import Answer, Battle, Chunk, Message, ModelSpec, SideName, Winner
from ui.display import display_copy, plain_copy
from ui.texts import error_text, text

Phase = Literal["empty", "run", "vote", "voted", "cut", "over"]
State = Literal["wait", "run", "done", "stop"]
Mode = Literal["blind", "named", "rate"]
Row = dict[str, Any]
"""A message as gr.Chatbot takes it."""

# The pills from left to right, which is also the order of the keys 1 to 4.
PILLS = (Winner.MODEL_A, Winner.TIE, Winner.BOTH_BAD, Winner.MODEL_B)
CHOSEN = {SideName.A: Winner.MODEL_A, SideName.B: Winner.MODEL_B}


@dataclass(frozen=True)
class PaneView:
    """One pane. `title` and `meta` are plain text; `color` is "a" or "b", or "" while the model is hidden.

    `actions` are the buttons of its head: stop, regenerate and copy.
    """

    title: str
    rows: Sequence[Row] = ()
    state: State = "wait"
    meta: str = ""
    color: str = ""
    actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Screen:
    """The whole tab. `says` and `extra` are HTML; `turn` changes with every question; `vote` is the vote cast.

    `labels` are the pills' texts, `hint` is the text in the empty input, `can_skip` whether the battle can be skipped,
    `can_change` whether another pill changes the vote. `question` is the last question if it can be edited.
    """

    mode: Mode
    phase: Phase
    panes: Mapping[SideName, PaneView]
    turn: str = ""
    says: str = ""
    extra: str = ""
    winner: Winner | None = None
    hint: str = ""
    can_skip: bool = False
    can_change: bool = False
    question: str = ""
    labels: Mapping[Winner, str] = field(default_factory=dict)


def head_html(lang: str, side: SideName, screen: Screen, chosen: str = "your_choice") -> str:
    """The head of a pane; `chosen` is the text of the better answer. page.js reads its data attributes."""
    pane = screen.panes[side]
    mark = "" if screen.winner is None else "win" if screen.winner is CHOSEN[side] else "lose"
    badge = f'<span class="badge">{escape(text(lang, chosen))}</span>' if mark == "win" else ""
    buttons = "".join(_icon(lang, action, side) for action in pane.actions)
    return (
        f'<div class="head" data-side="{side}" data-state="{pane.state}" data-turn="{screen.turn}"'
        f' data-color="{pane.color}" data-mark="{mark}"><i class="dot"></i><h2>{escape(pane.title)}</h2>{badge}'
        f'<span class="meta" role="status" title="{escape(pane.meta)}">{escape(pane.meta)}</span>{buttons}</div>'
    )


def _icon(lang: str, action: str, side: SideName) -> str:
    label = escape(text(lang, action))
    copied = f' data-copied="{escape(text(lang, "copied"))}"' if action == "copy" else ""
    return (
        f'<button type="button" class="tool {action}" data-press="{action}_{side}"{copied}'
        f' aria-label="{label}" title="{label}"></button>'
    )


def phase_html(lang: str, screen: Screen, edits: bool = False) -> str:
    """The line between panes and composer. By its data attributes arena.css shows what belongs to the phase.

    `edits`: the last question is being edited.
    """
    states = {"skip": screen.can_skip, "change": screen.can_change, "edit": bool(screen.question), "edits": edits}
    attributes = "".join(f' data-{name}="yes"' for name, is_on in states.items() if is_on)
    says = escape(text(lang, "edit_hint")) if edits else screen.says
    unread = "".join(
        f'<button type="button" class="unread" data-show="{side}">{escape(text(lang, f"unread_{side}"))}</button>'
        for side in SideName
    )
    return (
        f'<div id="phase" data-phase="{screen.phase}" data-mode="{screen.mode}" data-hint="{escape(screen.hint)}"'
        f' data-winner="{screen.winner or ""}"{attributes}>'
        f'<p role="status">{says}</p>{unread}{screen.extra}</div>'
    )


def switch_html(lang: str) -> str:
    """The switch between the two panes on a phone."""
    buttons = "".join(
        f'<button type="button" data-show="{side}" aria-pressed="false"><i class="dot"></i>'
        f"<span>{escape(text(lang, f'side_{side}'))}</span></button>"
        for side in SideName
    )
    return f'<div class="switch" role="group">{buttons}</div>'


def asked(prompt: str) -> Row:
    """A prompt, exactly as it was typed."""
    return {"role": "user", "content": plain_copy(prompt)}


def written(shown: str) -> list[Row]:
    """The text of an answer; nothing for an empty one."""
    return [{"role": "assistant", "content": display_copy(shown)}] if shown else []


def answer_rows(lang: str, answer: Answer) -> list[Row]:
    """An answer with its reasoning folded before it, or the reason why there is none."""
    rows: list[Row] = []
    if answer.reasoning:
        status = "pending" if not answer.text and answer.finish_reason is None else "done"
        title = {"title": text(lang, "thoughts"), "status": status}
        rows.append({"role": "assistant", "content": display_copy(answer.reasoning), "metadata": title})
    rows += written(answer.text)
    if answer.error:
        rows.append({"role": "assistant", "content": plain_copy("⚠️ " + error_text(lang, answer.error))})
    elif answer.finish_reason in ("stop", "length") and not answer.text.strip():
        rows.append({"role": "assistant", "content": f"*{ending(lang, answer)}*"})
    return rows


def turns_rows(lang: str, turns: Sequence[Battle], side: SideName) -> list[Row]:
    """A conversation of several battles, as one side had it."""
    rows: list[Row] = []
    for battle in turns:
        rows += [asked(battle.prompt), *answer_rows(lang, battle.side(side).answer)]
    return rows


def message_rows(messages: Sequence[Message]) -> list[Row]:
    """The messages of a recorded conversation, without instructions to the model."""
    rows: list[Row] = []
    for message in messages:
        if message.role != "system":
            rows += [asked(message.content)] if message.role == "user" else written(message.content)
    return rows


def answer_state(answer: Answer | None) -> State:
    """What a head shows of an answer."""
    if answer is None:
        return "wait"
    if answer.finish_reason is None:
        return "run"
    return "done" if answer.finish_reason in ("stop", "length") and answer.text.strip() else "stop"


def status_line(lang: str, answer: Answer | None, progress: Chunk, load: LoadState) -> str:
    """What a side is doing, or how its answer ended and how fast it was."""
    if answer is None:
        return _load_line(lang, load)
    if answer.finish_reason is None:
        return _doing(lang, answer, progress)
    is_whole = answer_state(answer) == "done" and answer.finish_reason == "stop"
    parts = ["" if is_whole else ending(lang, answer), usage_line(lang, answer)]
    if answer.dropped_turns:
        parts.append(text(lang, "dropped", count=answer.dropped_turns))
    if answer.refused:
        parts.append(text(lang, "settings_refused", names=", ".join(answer.refused)))
    return " · ".join(filter(None, parts)) or text(lang, "done")


def queued_line(lang: str, ahead: int, seconds: int) -> str:
    """The place in the queue and the seconds it may take; 0 is unknown."""
    if seconds:
        return text(lang, "queued_time", ahead=ahead, seconds=seconds)
    return text(lang, "queued", ahead=ahead)


def thinking_line(lang: str, spec: ModelSpec, config: GenerationConfig | None) -> str:
    """Whether a side thinks before its answer, and up to which limit; "" for models that never do."""
    if config is None or config.thinking is None:
        return ""
    if not config.thinking:
        return text(lang, "thinking_off_asked" if spec.thinking == "server" else "thinking_off")
    return text(lang, "thinking_always" if spec.thinking == "always" else "thinking_on", tokens=config.thinking)


def usage_line(lang: str, answer: Answer) -> str:
    """The seconds, tokens per second, tokens, thinking tokens and joules of an answer, as far as they are known."""
    usage, parts = answer.usage, []
    if usage.seconds is not None:
        parts.append(text(lang, "seconds", seconds=f"{usage.seconds:.1f}"))
    if usage.tokens_per_second is not None:
        parts.append(text(lang, "speed", speed=f"{usage.tokens_per_second:.1f}"))
    if usage.new_tokens:
        parts.append(text(lang, "length", tokens=usage.new_tokens))
    if usage.thinking_tokens:
        parts.append(text(lang, "thinking_length", tokens=usage.thinking_tokens))
    if usage.joules is not None:
        parts.append(text(lang, "energy", joules=f"{usage.joules:.0f}"))
    return " · ".join(parts)


def ending(lang: str, answer: Answer) -> str:
    """How an answer ended."""
    if answer.error:
        return text(lang, "failed", reason=error_text(lang, answer.error))
    if answer.finish_reason == "cancelled":
        return text(lang, "stopped")
    if answer.finish_reason == "length" and answer.reasoning and not answer.text.strip():
        return text(lang, "thinking_cut")
    if answer.finish_reason == "length" and (thinking := answer.usage.thinking_tokens):
        return text(lang, "cut_after", tokens=(answer.usage.new_tokens or 0) - thinking)
    if answer.finish_reason == "length":
        return text(lang, "cut", tokens=answer.usage.new_tokens or "?")
    return text(lang, "done" if answer.text.strip() else "empty_answer")


def _load_line(lang: str, load: LoadState) -> str:
    if load.error:
        return text(lang, "load_failed_state", reason=error_text(lang, load.error))
    return text(lang, "idle") if load.ready else text(lang, "load_wait", seconds=int(load.seconds))


def _doing(lang: str, answer: Answer, progress: Chunk) -> str:
    match progress.stage:
        case "loading":
            return text(lang, "load_wait", seconds=progress.done)
        case "queued":
            return queued_line(lang, progress.done, progress.total)
        case "busy":
            return text(lang, "server_busy", seconds=progress.total)
        case "reading" if progress.done and progress.total:
            return text(lang, "reading_part", done=progress.done, total=progress.total)
        case "reading":
            return text(lang, "reading")
    if answer.reasoning and not answer.text:
        return text(lang, "thinking_now")
    return text(lang, "generating" if answer.text else "waiting")
