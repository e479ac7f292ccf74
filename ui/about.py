"""What the page says about this server: its models and their licences, and the backup of its votes."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from arena.types import ModelSpec
from arena.votes.backup_status import BackupStatus
from ui.arena.messages import thinking_line
from ui.display import plain_copy
from ui.markup import html_table, licence_link
from ui.services import Services
from ui.texts import LANGUAGES, error_text, listed, text

Status = Callable[[], BackupStatus] | None


def named_texts(services: Services) -> dict[str, tuple[str, str]]:
    """The texts with names of models or titles of prompts filled in, by key."""
    specs = services.roster.specs
    chinese, english = (_named_texts(lang, services, specs) for lang in LANGUAGES)
    return {key: (chinese[key], english[key]) for key in chinese}


def _named_texts(lang: str, services: Services, specs: Sequence[ModelSpec]) -> dict[str, str]:
    # Recorded answers may belong to prompts that are not in the set.
    titles = {prompt: prompt for prompt in (services.rooms.prompts if services.rooms else ())}
    titles |= {prompt.id: prompt.title[lang] for prompt in services.prompts.known}
    texts = {
        "about": about(lang, specs, services.site.known),
        "settings_hint": _settings_hint(lang, specs),
        **{f"prompt_{prompt}": title for prompt, title in titles.items()},
    }
    if scripted := dict.fromkeys(f"`{spec.id}`" for spec in specs if spec.runtime == "scripted"):
        texts["scripted_banner"] = text(lang, "scripted", models=listed(lang, scripted))
    return texts


def _settings_hint(lang: str, specs: Iterable[ModelSpec]) -> str:
    pinned = [
        text(lang, "pinned", model=f"`{spec.id}`", names=listed(lang, sorted(spec.pinned)))
        for spec in specs
        if spec.pinned
    ]
    return text(lang, "settings_note", pinned=" ".join(pinned)).strip()


def about(lang: str, running: Iterable[ModelSpec], known: Sequence[ModelSpec]) -> str:
    """The About tab's HTML. The running models are sorted by name, so that it does not reveal the sides."""
    here = sorted({spec.id: spec for spec in running}.values(), key=lambda spec: spec.name.casefold())
    ids = {spec.id for spec in here}
    others = [spec for spec in known if spec.id not in ids]
    columns = ("model", "runs_as", "context", "thinking", "revision", "licence")
    running_here = (f"<h3>{escape(text(lang, 'about_running'))}</h3>", _table(lang, here, columns))
    parts = [
        f"<p>{escape(text(lang, 'about_what'))}</p>",
        *(running_here if here else ()),
        f"<p>{escape(text(lang, 'about_how'))}</p>",
        f"<details><summary>{escape(text(lang, 'about_known'))}</summary>",
        f"{_table(lang, others, ('model', 'id', 'licence'))}</details>",
        f"<p>{escape(text(lang, 'about_licences'))}</p>",
    ]
    return "\n".join(parts)


def _table(lang: str, specs: Iterable[ModelSpec], columns: Sequence[str]) -> str:
    labels = [text(lang, f"about_{column}") for column in columns]
    rows = (_cells(lang, spec) for spec in specs)
    return html_table(labels, ([cells[column] for column in columns] for cells in rows))


def _cells(lang: str, spec: ModelSpec) -> dict[str, str]:
    unknown = escape(text(lang, "about_unknown"))
    is_labelled = spec.id.startswith(f"{spec.name}=")
    return {
        "model": escape(spec.name) + (f"<br><code>{escape(spec.id)}</code>" if is_labelled else ""),
        "id": f"<code>{escape(spec.id)}</code>",
        "runs_as": escape(" · ".join(filter(None, (spec.runtime, spec.precision)))),
        "context": escape(_context(lang, spec)) if spec.context_length else unknown,
        "thinking": escape(thinking_line(lang, spec, spec.config()) or text(lang, "about_no_thinking")),
        "revision": f"<code>{escape(spec.revision)}</code>" if spec.revision else unknown,
        "licence": licence_link(escape(spec.licence) or unknown, spec.licence_url),
    }


def _context(lang: str, spec: ModelSpec) -> str:
    length = text(lang, "about_tokens", tokens=f"{spec.context_length:,}")
    return f"{length} ({text(lang, f'about_limit_{spec.context_limit}')})" if spec.context_limit else length


def backup_banner(lang: str, status: Status) -> str:
    """A warning about votes without a backup, as Markdown; "" if all is well."""
    if status is None:
        return ""
    backup = status()
    if not backup.place:
        return text(lang, "backup_none", count=backup.waiting)
    if not backup.problem:
        return ""
    return text(lang, "backup_behind", count=backup.waiting, problem=plain_copy(error_text(lang, backup.problem)))


def backup_line(lang: str, status: Status) -> str:
    """Where votes are copied to, as Markdown for admins; "" without a backup."""
    if status is None or not (backup := status()).place:
        return ""
    copied = datetime.fromtimestamp(backup.time, UTC).strftime("%Y-%m-%d %H:%M UTC") if backup.time else ""
    time = copied or text(lang, "backup_never")
    return text(lang, "backup_going", place=plain_copy(backup.place), time=time, count=backup.waiting)
