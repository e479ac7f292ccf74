"""The messages of a pane, as gr.Chatbot takes them, and the status in its head."""

from collections.abc import Sequence

from arena.backend import LoadState
from arena.generation_config import GenerationConfig
from arena.types import Answer, Battle, Chunk, Message, ModelSpec, SideName
from ui.arena.screen import Row, State
from ui.display import display_copy, plain_copy
from ui.texts import error_text, text


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
