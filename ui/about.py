"""The About tab: which models run here, which others can, and under which licences. Knows no component."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from arena.types import ModelSpec
from ui.tables import html_table
from ui.texts import text


def about(lang: str, running: Iterable[ModelSpec], known: Sequence[ModelSpec]) -> str:
    """The tab's HTML. The running models stand by name, not by side: the tab must not tell who is on the left."""
    here = sorted({spec.id: spec for spec in running}.values(), key=lambda spec: spec.name.casefold())
    ids = {spec.id for spec in here}
    others = [spec for spec in known if spec.id not in ids]
    parts = [
        f"<p>{escape(text(lang, 'about_what'))}</p>",
        f"<h3>{escape(text(lang, 'about_running'))}</h3>",
        _table(lang, here, ("model", "runs_as", "context", "revision", "licence")),
        f"<h3>{escape(text(lang, 'about_known'))}</h3>",
        f"<p>{escape(text(lang, 'about_how'))}</p>",
        _table(lang, others, ("model", "id", "licence")),
        f"<p>{escape(text(lang, 'about_licences'))}</p>",
    ]
    return "\n".join(parts)


def _table(lang: str, specs: Iterable[ModelSpec], columns: Sequence[str]) -> str:
    labels = [text(lang, f"about_{column}") for column in columns]
    return html_table(labels, ([_cell(lang, spec, column) for column in columns] for spec in specs))


def _cell(lang: str, spec: ModelSpec, column: str) -> str:
    match column:
        case "model":
            return escape(spec.name)
        case "id":
            return f"<code>{escape(spec.id)}</code>"
        case "runs_as":
            return escape(" · ".join(filter(None, (spec.runtime, spec.precision))))
        case "context":
            length = spec.context_length  # 0 where a server has not said
            return escape(text(lang, "about_tokens", tokens=f"{length:,}") if length else text(lang, "about_unknown"))
        case "revision":
            return f"<code>{escape(spec.revision)}</code>" if spec.revision else escape(text(lang, "about_unknown"))
    return _licence(lang, spec)


def _licence(lang: str, spec: ModelSpec) -> str:
    name = escape(spec.licence or text(lang, "about_unknown"))
    if not spec.licence_url.startswith(("https://", "http://")):
        return name
    return f'<a href="{escape(spec.licence_url)}" target="_blank" rel="noopener noreferrer">{name}</a>'
