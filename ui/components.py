"""What several tabs are made of: components with texts in both languages, the pane of an answer, a download."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import gradio as gr

from arena.prompts import Prompt
from ui.display import LATEX_DELIMITERS
from ui.gradio.compat import Block
from ui.texts import LANGUAGES, TEXTS

B = TypeVar("B", bound=Block)
Keys = str | list[tuple[str, str]]


class Labels:
    """The texts of the page's fixed parts.

    At first the browser picks the language (gr.I18n), without a flash of the other one; `relabel` gives the updates
    that put every registered text into a chosen language. `extra` returns texts with names filled in, as
    key -> (Chinese, English); they may change while the page runs.
    """

    def __init__(self, extra: Callable[[], Mapping[str, tuple[str, str]]] = dict) -> None:
        self._extra = extra
        plain = {key: pair for key, pair in TEXTS.table.items() if "{" not in pair[0]}
        self._texts = {**plain, **extra()}
        tables = {lang: {key: pair[index] for key, pair in self._texts.items()} for index, lang in enumerate(LANGUAGES)}
        self.i18n = gr.I18n(**{"zh-CN": tables["zh"], "zh-TW": tables["zh"], **tables})
        self._shown: list[tuple[Block, dict[str, Keys]]] = []

    def __call__(self, key: str) -> Any:
        """A text that the browser translates. Raises KeyError for an unknown key."""
        self._texts[key]
        return self.i18n(key)

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    def show(self, component: B, **keys: Keys) -> B:
        """Register the texts of a component: property -> key, or pairs (key, value) for choices."""
        self._shown.append((component, keys))
        return component

    def labelled(
        self, make: Callable[..., B], key: str, elem_id: str = "", texts: Mapping[str, str] | None = None, **more: Any
    ) -> B:
        """A component that `make` makes with the label `key` and other texts: property -> key.

        Here and below, its id is `key` unless another is given.
        """
        keys = {"label": key, **(texts or {})}
        shown = {prop: self(name) for prop, name in keys.items()}
        return self.show(make(**shown, elem_id=elem_id or key, **more), **keys)

    def choices(self, make: Callable[..., B], key: str, choices: list[tuple[str, str]], **more: Any) -> B:
        """The same, with choices as pairs (key, value)."""
        shown = [(self(name), value) for name, value in choices]
        return self.show(self.labelled(make, key, choices=shown, **more), choices=choices)

    def button(self, key: str, elem_id: str = "", **more: Any) -> gr.Button:
        """A button with the text `key`."""
        return self.show(gr.Button(self(key), elem_id=elem_id or key, **more), value=key)

    def textbox(self, key: str, elem_id: str = "", **more: Any) -> gr.Textbox:
        """A textbox with the label `key`."""
        return self.labelled(gr.Textbox, key, elem_id, **more)

    def accordion(self, key: str, elem_id: str = "", **more: Any) -> gr.Accordion:
        """An accordion with the label `key`, closed unless `open=True`."""
        return self.labelled(gr.Accordion, key, elem_id, **{"open": False, **more})

    def markdown(self, key: str, elem_id: str | None = None, **more: Any) -> gr.Markdown:
        """The text `key` as Markdown."""
        return self.show(gr.Markdown(self(key), elem_id=elem_id, **more), value=key)

    def relabel(self, lang: str) -> dict[Block, Any]:
        """The updates that put all registered texts into `lang`."""
        index, texts = LANGUAGES.index(lang), {**self._texts, **self._extra()}

        def words(keys: Keys) -> Any:
            return texts[keys][index] if isinstance(keys, str) else [(texts[key][index], value) for key, value in keys]

        updates: dict[Block, dict[str, Any]] = {}
        for component, shown in self._shown:
            updates.setdefault(component, {}).update({prop: words(keys) for prop, keys in shown.items()})
        return {component: gr.update(**props) for component, props in updates.items()}

    @property
    def components(self) -> list[Block]:
        """Everything that `relabel` updates."""
        return list(dict.fromkeys(component for component, _ in self._shown))


# A gr.HTML without gradio's styles and scripts.
BARE: dict[str, Any] = {"apply_default_css": False, "js_on_load": None, "padding": False}


def answer_pane(labels: Labels, key: str, elem_id: str) -> gr.Chatbot:
    """Shows the display copies that ui.display makes. Nothing is read back from it."""
    return labels.labelled(
        gr.Chatbot,
        key,
        elem_id,
        show_label=False,
        elem_classes="pane",
        height=None,
        container=False,
        layout="panel",
        # panes.js scrolls: gradio's own scrolling pulls readers back.
        autoscroll=False,
        # gradio's own copy button would copy the display copy instead of the raw text.
        buttons=[],
        allow_tags=True,
        latex_delimiters=LATEX_DELIMITERS,
        reasoning_tags=[],
        feedback_options=None,
    )


def matching_prompt(prompts: Sequence[Prompt], typed: str) -> Prompt | None:
    """The prompt of the set whose text was sent unchanged."""
    return next((prompt for prompt in prompts if prompt.text.strip() == typed.strip()), None)


def download_file(elem_id: str) -> gr.DownloadButton:
    """Hands a file to the browser; never visible. See `Handlers.download`."""
    return gr.DownloadButton("", elem_id=elem_id, visible="hidden")
