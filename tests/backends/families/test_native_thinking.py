"""Thinking in chat checkpoints that transformers knows itself: switch, limit, continuing."""

import pytest
import transformers
from native_folders import CHATML, THINK, native_folder, qwen35_folder
from native_talks import says, talk, theirs

from arena.errors import InputError
from arena.generation_config import DEFAULT_THINKING, GenerationConfig
from arena.text import clean
from arena.types import Message
from backends import opened_alone
from backends.families.native import NativeChat
from backends.models.resolve import resolve
from backends.streaming.context import within

# As in Qwen3 and Qwen3.5: the variable switches it off; the second template opens the mark when it is on.
SWITCHED = CHATML.replace(
    "assistant\n{% endif %}",
    "assistant\n{% if enable_thinking is defined and not enable_thinking %}"
    "<think>\n\n</think>\n\n{% endif %}{% endif %}",
)
OPENING = SWITCHED.replace("{% endif %}{% endif %}", "{% else %}<think>\n{% endif %}{% endif %}")
# As in GLM-4.5: the switch writes a mark after what the user wrote.
NOTHINK = CHATML.replace(
    "{{ m.content }}", "{{ m.content }}{% if m.role == 'user' and enable_thinking is false %}/nothink{% endif %}"
)
# As in models that do not think themselves: the marks only cut the thoughts out of earlier answers.
HISTORY = CHATML.replace("{{ m.content }}", "{{ m.content.split('<think>')[0] }}")
THOUGHTS = ["1", "2", "3", "4", "5", "</think>", "\n\n", "Hello", " world", "<|im_end|>"]


def heard(tmp_path, template, pieces, answer_of, messages=None, **settings):
    backend, config = says(tmp_path, pieces, template=template, kind="Qwen3", **settings)
    with backend as opened_backend:
        return answer_of(opened_backend.stream(messages or talk(["Hi"]), config))


@pytest.mark.parametrize("thinks", [True, False])
@pytest.mark.parametrize("template", [SWITCHED, OPENING, NOTHINK], ids=["qwen3", "qwen3.5", "glm4.5"])
def test_the_switch_reaches_the_template(tmp_path, template, thinks):
    folder = native_folder(tmp_path / "switch", template=template)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    turns = [{"role": "user", "content": "Hello"}]
    on, off = (
        tokenizer.apply_chat_template(turns, add_generation_prompt=True, enable_thinking=is_on, return_dict=False)
        for is_on in (True, False)
    )
    assert on != off
    assert NativeChat(folder).request_ids(talk(["Hello"]), thinks) == (on if thinks else off)


@pytest.mark.parametrize(
    ("template", "kind"),
    [(SWITCHED, "switch"), (CHATML, ""), (CHATML + "{% if x %}<think>{% endif %}", "always"), (HISTORY, "")],
)
def test_a_folder_says_whether_it_thinks(tmp_path, template, kind):
    spec = resolve(str(native_folder(tmp_path / "kind", template=template)))
    assert spec.thinking == kind
    assert spec.config().thinking == {"switch": 0, "": None, "always": DEFAULT_THINKING}[kind]


def test_without_a_setting_the_template_is_rendered_as_before(tmp_path):
    folder = native_folder(tmp_path / "before", template=OPENING)
    assert NativeChat(folder).request_ids(talk(["Hello"])) == theirs(folder, talk(["Hello"]))[0]


@pytest.mark.parametrize("opened", [True, False], ids=["opened by the prompt", "opened by the model"])
@pytest.mark.parametrize(("limit", "reasoning"), [(1, "1"), (3, "123"), (5, "12345"), (6, "12345"), (50, "12345")])
def test_thinking_ends_at_its_own_limit_and_the_answer_follows(tmp_path, answer_of, opened, limit, reasoning):
    template, pieces = (OPENING, THOUGHTS) if opened else (SWITCHED, ["<think>", *THOUGHTS])
    answer = heard(tmp_path, template, pieces, answer_of, thinking=limit + (not opened))
    assert (answer.reasoning.rstrip("\n"), answer.text) == (reasoning, "Hello world")
    assert answer.finish_reason == "stop"
    assert answer.usage.thinking_tokens == len(reasoning) + (not opened)


def test_the_answers_limit_is_apart_from_that_of_the_thinking(tmp_path, answer_of):
    answer = heard(tmp_path, OPENING, THOUGHTS, answer_of, thinking=3, max_new_tokens=1)
    assert (answer.reasoning.rstrip("\n"), answer.finish_reason) == ("123", "length")
    assert answer.usage.new_tokens == 4
    whole = heard(tmp_path / "whole", OPENING, THOUGHTS, answer_of, thinking=50, max_new_tokens=4)
    # The closing mark and the blank line are the answer's first tokens.
    assert (whole.reasoning, whole.usage.new_tokens, whole.finish_reason) == ("12345", 9, "length")


def test_without_a_limit_of_its_own_thinking_is_a_part_of_the_answer(tmp_path, answer_of):
    answer = heard(tmp_path, OPENING, THOUGHTS, answer_of, max_new_tokens=3)
    assert (answer.reasoning, answer.text, answer.finish_reason) == ("123", "", "length")


@pytest.mark.parametrize("opened", [True, False], ids=["opened by the prompt", "opened by the model"])
def test_thinking_that_was_cut_goes_on(tmp_path, answer_of, opened):
    template, pieces = (OPENING, THOUGHTS) if opened else (SWITCHED, ["<think>", *THOUGHTS])
    cut = [*talk(["Hi"]), Message("assistant", "", "12")]
    answer = heard(tmp_path, template, pieces, answer_of, cut, thinking=50)
    assert (answer.reasoning, answer.text) == ("345", "Hello world")


def test_an_answer_that_was_cut_follows_its_thinking(tmp_path):
    folder = native_folder(tmp_path / "cut", template=OPENING)
    chat, (_, tokenizer) = NativeChat(folder), theirs(folder, talk(["Hi"]))
    ids = chat.request_ids([*talk(["Hi"]), Message("assistant", "Hello", "I think so.")], True)
    assert tokenizer.decode(ids).endswith("assistant\n<think>\nI think so.\n</think>\n\nHello")
    assert [chat._marks[mark]["id"] in ids for mark in THINK] == [True, True]


@pytest.mark.parametrize(
    ("typed", "shown", "tokens"), [("off", "off", 0), ("on", f"{DEFAULT_THINKING}", DEFAULT_THINKING), ("64", "64", 64)]
)
def test_a_name_may_set_the_thinking_which_a_page_cannot_change(tmp_path, typed, shown, tokens):
    folder = native_folder(tmp_path / "named", template=SWITCHED)
    spec = resolve(f"{folder}?think={typed}&ctx=256")
    assert (spec.id, spec.name) == (f"named?ctx=256&think={shown}", f"named (ctx 256, think {shown})")
    assert spec.config({"thinking": 7}).thinking == tokens and spec.context_length == 256


def test_what_always_thinks_cannot_be_named_without_thinking(tmp_path):
    folder = native_folder(tmp_path / "always", template=CHATML + "{% if x %}<think>{% endif %}")
    with pytest.raises(InputError) as refusal:
        resolve(f"{folder}?think=off")
    assert refusal.value.code == "think_always"
    assert resolve(f"{folder}?think=9").config().thinking == 9


@pytest.mark.parametrize(
    ("room", "answer", "thinking"), [(1000, 512, 100), (400, 292, 100), (150, 75, 67), (40, 20, 12)]
)
def test_both_limits_fit_into_the_context(room, answer, thinking):
    fitted = within(GenerationConfig(max_new_tokens=512, thinking=100), room)
    assert (fitted.max_new_tokens, fitted.thinking) == (answer, thinking)


@pytest.mark.parametrize("kind", ["Qwen3", "Qwen3.5"])
def test_the_answer_after_a_forced_end_is_what_the_model_says_to_all_of_it(tmp_path, monkeypatch, answer_of, kind):
    folder = tmp_path / "random"
    native_folder(folder, kind=kind, template=OPENING) if kind == "Qwen3" else qwen35_folder(folder)
    (folder / "chat_template.jinja").write_text(OPENING, encoding="utf-8")
    asked, config = talk(["Hello"]), GenerationConfig(temperature=0, thinking=6, max_new_tokens=8)
    with opened_alone(resolve(str(folder))) as backend:
        list(backend.stream(asked, GenerationConfig(max_new_tokens=1)))
        engine = backend._load.value
        begun, begin = [], engine.begin
        monkeypatch.setattr(engine, "begin", lambda ids, *rest: begun.append(list(ids)) or begin(ids, *rest))
        answer = answer_of(backend.stream(asked, config))
        ids = engine.chat.request_ids(asked, True)
        assert begun[0] == ids
        for limit in (6, 8):
            engine.forget()
            events = engine.generate(ids, GenerationConfig(temperature=0, max_new_tokens=limit))
            new = [value for event, value in events if event == "token"]
            ids = ids + new + (engine.chat.conclusion_ids() if limit == 6 else [])
    assert begun[1] == ids[: -len(new)]
    assert answer.text == clean(engine.chat.decode(new)).lstrip("\n").rstrip("\ufffd")
    assert (answer.usage.thinking_tokens, answer.usage.new_tokens) == (6, 14)
