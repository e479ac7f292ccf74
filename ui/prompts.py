"""The prompts tab: the host edits the prompt set and saves it as a new version."""

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from arena.errors import ArenaError, InputError
from arena.exports.export import ExportFolder
from arena.prompts import DIMENSIONS, Prompt, PromptStore, parse_prompts
from arena.prompts.draft import Draft
from arena.prompts.entry import from_form, to_entry, to_form
from arena.prompts.store import check_size
from arena.results.texts import dimension_name
from ui.access import require_admin
from ui.admin import HostHandlers
from ui.components import Labels, download_file
from ui.gradio.compat import Block
from ui.markup import alert, status
from ui.tabs import Tab
from ui.texts import LANGUAGES, error_text, listed, text
from ui.updates import PRIVATE, UNQUEUED, Props, Typed

Edit = Callable[[Draft], Draft]
# A click on a prompt of the list.
_CHOOSE = """element.addEventListener("click", (event) => {
  const row = event.target.closest("[data-id]");
  if (row) { trigger("click", { id: row.dataset.id }); window.focusPrompt(); }
});"""
_EXAMPLE = '{"more": ["Why?"], "category": "history", "reference": {"must": ["1907"]}}'
_SNIPPET = 120
_OF_CHOSEN = ("up", "down", "remove")
_DIMENSIONS = {dimension_name(lang, name): name for lang in LANGUAGES for name in DIMENSIONS}


class PromptsTab:
    """The components that handlers read or write; `form` as in `to_form`, `buttons` edit the draft, `tab` is itself."""

    def __init__(self, labels: Labels, tab: gr.Tab) -> None:
        self.tab = tab
        # The file that prompts.js reads. Made first: it gets the inputs by age.
        self.name, self.content = (gr.Textbox("", visible="hidden") for _ in range(2))
        labels.markdown("prompts_what", "prompts_what")
        with gr.Row(elem_id="prompts_bar"):
            self.status = gr.HTML("", elem_id="prompts_status")
            self.save = labels.button("prompts_save", variant="primary", min_width=100)
            self.buttons = {"discard": labels.button("prompts_discard", min_width=100)}
        with gr.Row(elem_id="prompts_edit"):
            self.list = gr.HTML("", elem_id="prompts_list", js_on_load=_CHOOSE)
            with gr.Column(elem_id="prompts_form"):
                self._make_form(labels)
        with gr.Row(elem_id="prompts_files"):
            self.take = labels.button("prompts_import", min_width=150)
            self.download = labels.button("prompts_download", min_width=150)
            self.buttons["restore"] = labels.button("prompts_restore", min_width=150)
        self.keep = labels.labelled(gr.Checkbox, "prompts_keep", value=False)
        self.source = gr.HTML("", elem_id="prompts_source")
        self.file = download_file("prompts_file")

    def _make_form(self, labels: Labels) -> None:
        prompt = labels.textbox("prompts_text", texts={"placeholder": "prompts_hint"}, lines=3, max_lines=12)
        self.form = {"prompt": prompt}
        with gr.Row():
            for key in ("prompts_dimension", "prompts_zh", "prompts_en"):
                self.form[key.removeprefix("prompts_")] = labels.textbox(key, max_lines=1, min_width=120)
        self.form["answer"] = labels.textbox("prompts_answer", lines=2, max_lines=8)
        with labels.accordion("prompts_more"):
            self.form["rest"] = labels.textbox("prompts_json", lines=4, max_lines=16, placeholder=_EXAMPLE)
        with gr.Row():
            for key in ("prompts_new", "prompts_up", "prompts_down", "prompts_remove"):
                self.buttons[key.removeprefix("prompts_")] = labels.button(key, min_width=60)


@dataclass(frozen=True)
class PromptsHandlers(HostHandlers):
    """The prompts tab of one page. Edits are a draft of the browser's tab until they are saved."""

    part: PromptsTab
    prompts: PromptStore
    _folder: ExportFolder = field(default_factory=lambda: ExportFolder("arena-prompts-"))
    # Protects the drafts of all tabs: a tab may send two clicks at once.
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wire(self, demo: gr.Blocks) -> None:
        part = self.part
        inputs: set[Block] = set(part.form.values())

        def choose(request: gr.Request, event: gr.EventData, typed: Typed) -> Any:
            return self.answer(self.choose, request, typed[self.browser], typed, str(getattr(event, "id", "")))

        self.on(part.tab.select, self.refresh, inputs, **UNQUEUED)
        part.list.click(choose, {self.browser, *inputs}, self.outputs, **PRIVATE)
        for name, button in part.buttons.items():
            # Each of several quick clicks moves the prompt; gradio would drop those during the first.
            how: dict[str, Any] = {"trigger_mode": "multiple"} if name in ("up", "down") else {}
            pressed = self.on(button.click, partial(self.press, name), inputs, **how)
            if name == "new":
                pressed.success(None, js="window.focusPrompt", **PRIVATE)
        self.on(part.save.click, self.save, inputs)
        self.on(part.take.click, self.take, {part.name, part.content, part.keep, *inputs}, js="window.readPrompts")
        self.download(part.download, self.write, inputs, limit=2)

    def render(self, tab: Tab) -> Props:
        part, lang = self.part, tab.lang
        if not self.access.is_host(tab):
            return {part.status: {"value": ""}, part.list: {"value": ""}, part.source: {"value": ""}}
        draft = self._draft(tab)
        unsaved = changes_line(lang, "prompts_unsaved", draft)
        return {
            part.status: {"value": f"<div data-unsaved>{unsaved}</div>" if unsaved else ""},
            part.list: {"value": list_block(lang, draft)},
            part.source: {"value": source_line(lang, self.prompts)},
            **{part.buttons[name]: {"interactive": draft.chosen in draft.prompts} for name in _OF_CHOSEN},
        }

    def _draft(self, tab: Tab) -> Draft:
        tab.edits = tab.edits or Draft.of(self.prompts)
        return tab.edits

    def _typed(self, draft: Draft, typed: Typed) -> dict[str, str] | None:
        """What is in the form, if it differs from the prompt that was chosen."""
        words = {name: typed[box] or "" for name, box in self.part.form.items()}
        words["dimension"] = _DIMENSIONS.get(words["dimension"].strip(), words["dimension"])
        return None if words == to_form(draft.current) else words

    def _edit(self, tab: Tab, edit: Edit, typed: Typed | None = None) -> Props:
        """Edit the draft, with what is `typed` in the form, and show the chosen prompt there.

        Says what is wrong and leaves the form as it is. Raises InputError for anybody but the host.
        """
        part = self.part
        require_admin(self.access.is_host(tab))
        with self._lock:
            says, form, draft = "", Props(), self._draft(tab)
            try:
                if typed and (words := self._typed(draft, typed)):
                    prompt = from_form(words, draft.current)
                    tab.edits = draft = replace(draft.put(prompt), chosen=prompt.id)
                tab.edits = draft = edit(draft)
                boxes = to_form(draft.current)
                boxes["dimension"] = boxes["dimension"] and dimension_name(tab.lang, boxes["dimension"])
                form = {part.form[name]: {"value": words} for name, words in boxes.items()}
            except ArenaError as error:
                says = alert(error_text(tab.lang, error))
            props = self.render(tab)
            return {**props, **form, part.status: {"value": says + props[part.status]["value"]}}

    def refresh(self, tab: Tab, typed: Typed) -> Props:
        """Show what others have saved, unless something is edited here."""
        draft = self._draft(tab)
        if draft.changes or self._typed(draft, typed) or list(draft.before.values()) == list(self.prompts):
            return self.render(tab)
        return self.press("discard", tab, typed)

    def choose(self, tab: Tab, typed: Typed, prompt_id: str) -> Props:
        """Show a prompt in the form."""
        return self._edit(tab, lambda draft: replace(draft, chosen=prompt_id), typed)

    def press(self, name: str, tab: Tab, typed: Typed) -> Props:
        """Edit the draft, as the button `name` does."""
        edits: dict[str, Edit] = {
            "new": lambda draft: replace(draft, chosen=""),
            "up": lambda draft: draft.move(-1),
            "down": lambda draft: draft.move(1),
            "remove": Draft.without_chosen,
            "discard": lambda draft: Draft.of(self.prompts, draft.chosen),
            "restore": lambda draft: draft.having(self.prompts.loaded),
        }
        return self._edit(tab, edits[name], typed if name in ("new", "up", "down") else None)

    def take(self, tab: Tab, typed: Typed) -> Props:
        """Import the prompts of a file."""
        part = self.part

        def taken(draft: Draft) -> Draft:
            data = base64.b64decode(typed[part.content].partition(",")[2])
            check_size(1, len(data))
            prompts = parse_prompts(Path(typed[part.name]), data)
            return draft.add(prompts) if typed[part.keep] else draft.having(prompts)

        return self._edit(tab, taken, typed) if typed[part.content] else {}

    def save(self, tab: Tab, typed: Typed) -> Props:
        """Save the draft, or put its edits onto what somebody else has saved meanwhile."""
        says, lang = "", tab.lang

        def saved(draft: Draft) -> Draft:
            nonlocal says
            if not draft.changes:
                says = status(text(lang, "prompts_same"))
                return draft
            try:
                now = self.prompts.save(draft)
            except InputError as error:
                if error.code != "prompts_changed":
                    raise
                says = alert(error_text(lang, error))
                return draft.onto(self.prompts)
            says = changes_line(lang, "prompts_saved", draft)
            ids = {old: prompt.id for old, prompt in zip(draft.prompts, now, strict=True)}
            return Draft.of(now, ids.get(draft.chosen, ""))

        props = self._edit(tab, saved, typed)
        props[self.part.status]["value"] = says + props[self.part.status]["value"]
        return props

    def write(self, tab: Tab, typed: Typed) -> str:
        """The prompts as they are here, in a file that `take` and `--prompts` read."""
        self._edit(tab, lambda draft: draft, typed)
        if words := self._typed(self._draft(tab), typed):  # a mistake in the form: the file would leave it out
            from_form(words, self._draft(tab).current)
        path = self._folder.new_place() / "prompts.jsonl"
        prompts = self._draft(tab).prompts.values()
        lines = [json.dumps(to_entry(prompt), ensure_ascii=False) for prompt in prompts]
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return str(path)


def source_line(lang: str, prompts: PromptStore) -> str:
    """Which set the page offers, as HTML."""
    loaded = text(lang, "prompts_named" if prompts.named else "prompts_shipped")
    if not prompts.saved_at:
        return f"<p>{escape(text(lang, 'prompts_loaded', loaded=loaded))}</p>"
    saved = datetime.fromtimestamp(prompts.saved_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<p>{escape(text(lang, 'prompts_edited', time=saved, loaded=loaded))}</p>"


def changes_line(lang: str, key: str, draft: Draft) -> str:
    """What was edited, in the text `key`, as HTML; "" if nothing was."""
    counts = [text(lang, f"prompts_{name}", count=count) for name, count in draft.changes.items()]
    return status(text(lang, key, changes=listed(lang, counts))) if counts else ""


def list_block(lang: str, draft: Draft) -> str:
    """The prompts by dimension, each a button with its `data-id`, as HTML."""
    rows: dict[str, list[str]] = {name: [] for name in DIMENSIONS}
    for prompt in draft.prompts.values():
        rows.setdefault(prompt.dimension, []).append(_row(lang, prompt, draft))
    options = "".join(f"<option>{escape(dimension_name(lang, name))}</option>" for name in rows if name)
    lists = (
        f"<h3>{escape(dimension_name(lang, name))}</h3><ul>{''.join(rows[name])}</ul>" for name in rows if rows[name]
    )
    return f'<datalist id="prompts_dimensions">{options}</datalist>{"".join(lists)}'


def _row(lang: str, prompt: Prompt, draft: Draft) -> str:
    before, is_chosen = draft.before.get(prompt.id), str(prompt.id == draft.chosen).lower()
    mark = "" if prompt == before else text(lang, "prompts_mark_changed" if before else "prompts_mark_new")
    return (
        f'<li><button type="button" data-id="{escape(prompt.id)}" aria-pressed="{is_chosen}">'
        f"<b>{escape(prompt.title[lang])}</b> <i>{mark}</i><span>{escape(prompt.text[:_SNIPPET])}</span></button></li>"
    )
