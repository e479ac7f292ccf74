"""What the chat tab shows: the messages and the status line of a pane, and the line under the vote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from arena.chat import Chat
from arena.judging.ballots import Ballots
from arena.types import Answer, Battle, LoadState, SideName, SideProgress, Vote
from ui.display import display_copy, plain_copy
from ui.replay.view import replay_link
from ui.texts import error_text, text

Row = dict[str, Any]


def pane_messages(lang: str, turns: Sequence[Battle], side: SideName) -> list[Row]:
    """The conversation of one side, as gr.Chatbot takes it."""
    rows: list[Row] = []
    for battle in turns:
        rows.append({"role": "user", "content": plain_copy(battle.prompt)})
        rows += _answer_rows(lang, battle.side(side).answer)
    return rows


def _answer_rows(lang: str, answer: Answer) -> list[Row]:
    rows: list[Row] = []
    if answer.reasoning:
        status = "pending" if not answer.text and answer.finish_reason is None else "done"
        rows.append(reasoning_row(lang, answer, status))
    if answer.text:
        rows.append({"role": "assistant", "content": display_copy(answer.text)})
    if answer.error:
        rows.append({"role": "assistant", "content": plain_copy("⚠️ " + error_text(lang, answer.error))})
    elif _says_nothing(answer):
        rows.append({"role": "assistant", "content": f"*{_ending(lang, answer)}*"})
    return rows


def reasoning_row(lang: str, answer: Answer, status: str = "done") -> Row:
    """What a model wrote before its answer, folded; `status` is gradio's: done or pending."""
    title = {"title": text(lang, "thinking"), "status": status}
    return {"role": "assistant", "content": display_copy(answer.reasoning), "metadata": title}


def _says_nothing(answer: Answer) -> bool:
    return answer.finish_reason in ("stop", "length") and not answer.text.strip()


def status_line(lang: str, answer: Answer | None, progress: SideProgress, load: LoadState) -> str:
    """The line under a pane's name: what the side is doing, or how it ended, and how fast."""
    if answer is None:
        return _load_line(lang, load)
    parts = [
        _doing(lang, answer, progress) if answer.finish_reason is None else _ending(lang, answer),
        *_figures(lang, answer),
    ]
    if answer.dropped_turns:
        parts.append(text(lang, "dropped", count=answer.dropped_turns))
    return " · ".join(parts)


def queued_line(lang: str, ahead: int, seconds: int) -> str:
    """The place in the queue and the seconds it may take; 0 is unknown."""
    if seconds:
        return text(lang, "queued_time", ahead=ahead, seconds=seconds)
    return text(lang, "queued", ahead=ahead)


def _load_line(lang: str, load: LoadState) -> str:
    if load.error:
        return text(lang, "load_failed_state", reason=error_text(lang, load.error))
    return text(lang, "idle") if load.ready else text(lang, "load_wait", seconds=int(load.seconds))


def _doing(lang: str, answer: Answer, progress: SideProgress) -> str:
    match progress.stage:
        case "loading":
            return text(lang, "load_wait", seconds=progress.done)
        case "queued":
            return queued_line(lang, progress.done, progress.total)
        case "reading" if progress.done and progress.total:
            return text(lang, "reading_part", done=progress.done, total=progress.total)
        case "reading":
            return text(lang, "reading")
    return text(lang, "generating" if answer.text or answer.reasoning else "waiting")


def _ending(lang: str, answer: Answer) -> str:
    if answer.error:
        return text(lang, "failed", reason=error_text(lang, answer.error))
    if answer.finish_reason == "cancelled":
        return text(lang, "stopped")
    if answer.finish_reason == "length":
        return _cut(lang, answer)
    return text(lang, "done" if answer.text.strip() else "empty_answer")


def _cut(lang: str, answer: Answer) -> str:
    if answer.reasoning and not answer.text.strip():
        return text(lang, "thinking_cut")
    return text(lang, "cut", tokens=answer.usage.new_tokens or "?")


def _figures(lang: str, answer: Answer) -> list[str]:
    usage = answer.usage
    figures = []
    if usage.first_token_seconds is not None:
        figures.append(text(lang, "first_token", seconds=f"{usage.first_token_seconds:.1f}"))
    if usage.tokens_per_second is not None:
        figures.append(text(lang, "speed", speed=f"{usage.tokens_per_second:.1f}"))
    if usage.new_tokens and answer.finish_reason == "stop":
        figures.append(text(lang, "length", tokens=usage.new_tokens))
    return figures


def vote_note(lang: str, chat: Chat, ballots: Ballots, vote: Vote | None) -> str:
    """Whether the last battle can be judged, or the receipt; `vote` is the last vote of this tab."""
    turns = chat.turns
    if not turns:
        return ""
    if chat.running:
        return text(lang, "vote_wait")
    if vote and vote.battle.id == turns[-1].id:
        return receipt_with_link(lang, vote)
    return text(lang, "vote_open" if ballots.is_open(turns[-1].id) else "vote_not")


def receipt_with_link(lang: str, vote: Vote) -> str:
    """The receipt with a link to the battle, as Markdown."""
    return f"{receipt(lang, vote)} · {replay_link(lang, vote.battle.id)}"


def receipt(lang: str, vote: Vote) -> str:
    """What a rater sees of a vote that was saved with the models' names in sight."""
    return text(
        lang,
        "receipt",
        choice=text(lang, f"vote_{vote.winner}"),
        a=vote.battle.a.model.id,
        b=vote.battle.b.model.id,
        id=vote.id[:8],
    )
