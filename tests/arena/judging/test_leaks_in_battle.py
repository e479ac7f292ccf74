"""The leak filter in a battle: the models' own names, denials, and what the prompt asked about."""

from dataclasses import replace

import pytest
from vote_samples import make_side

from arena.judging.leaks import is_leaked, makers_of
from arena.types import Battle, Message, ModelSpec

PLAIN = "Both sentences mean the same."


def spec_of(name, *, family="", source="", runtime=""):
    return ModelSpec(name, name, family, source, runtime, "int4")


def battle_of(a, b, answer, prompt="Why?"):
    """A battle of two models, in which the first gives `answer`."""
    sides = []
    for spec, text in ((a, answer), (b, PLAIN)):
        spec = spec_of(spec) if isinstance(spec, str) else spec
        sides.append(replace(make_side("one", text), model=spec, messages=(Message("user", prompt),)))
    return Battle("1", prompt, *sides)


@pytest.mark.parametrize(
    ("spec", "keys"),
    [
        (
            spec_of("Mistral-7B-Instruct-v0.3.Q4_K_M", family="gguf", source="/x/Mistral-7B-Instruct-v0.3.gguf"),
            ["mistral"],
        ),
        (spec_of("a", source="deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"), ["alibaba", "deepseek"]),
        (spec_of("a", source="/data/meta-llama/Llama-3.2-1B-Instruct"), ["meta"]),
        (spec_of("a", source="hf:google/gemma-2-2b-it"), ["google"]),
        (spec_of("a", family="internlm2"), ["internlm"]),
        (spec_of("MiniCPM3-4B"), ["openbmb"]),
        # A label and settings are not names of the model.
        (replace(spec_of("Claude"), id="Claude=qwen-7b-chat?system=You are Kimi"), ["alibaba"]),
        (replace(spec_of("qwen-7b (system You are Kimi)"), id="qwen-7b?system=You are Kimi"), ["alibaba"]),
        (spec_of("Yi-1.5-9B-Chat"), ["01ai"]),
        (spec_of("Phi-3-mini-4k-instruct"), ["microsoft"]),
        (spec_of("chatglm3-6b"), ["zhipu"]),
        (spec_of("glm-edge-1.5b-chat"), ["zhipu"]),
        (spec_of("通义千问2.5"), ["alibaba"]),
        # A server that speaks OpenAI's protocol is not OpenAI's, and llama.cpp runs all kinds of models.
        (spec_of("qwen", family="openai", source="http://127.0.0.1:8000/v1#qwen", runtime="openai"), ["alibaba"]),
        (
            spec_of("kimi-k2", family="openai", source="https://llama.example/v1#kimi-k2", runtime="openai"),
            ["moonshot"],
        ),
        (spec_of("SmolLM2-135M", family="llama", runtime="llama.cpp"), ["huggingface"]),
        (spec_of("Starling-LM-7B-alpha"), ["own:starling"]),
        (spec_of("OpenThinker-7B.Q8_0.gguf"), ["own:openthinker"]),
        (spec_of("玄武大模型"), ["own:玄武"]),
        *((spec_of(name), []) for name in ("one", "stub", "my-model", "left", "model-7b-instruct-q4", "7b", "A", "")),
    ],
)
def test_makers_are_read_from_names_families_and_sources(spec, keys):
    assert sorted(maker.key for maker in makers_of(spec)) == keys


@pytest.mark.parametrize(
    "answer",
    [
        "I am Starling, how can I help?",
        "我是Starling，一个语言模型。",
        "As Starling, I would choose the first.",
        "My name is Starling.",
        "I'm not Starling.",
        "Starling: the first.\n\nYour assistant, Starling",
    ],
)
def test_a_model_outside_the_table_is_found_by_its_own_name(answer):
    assert is_leaked(battle_of("Starling-LM-7B-alpha", "qwen3-4b", answer))
    assert not is_leaked(battle_of("gemma-2-2b-it", "qwen3-4b", answer))


@pytest.mark.parametrize(
    "answer",
    [
        "A starling is a small bird.",
        "The starling sang, and I listened.",
        "椋鸟（starling）是一种鸟。",
        "Starlings fly in flocks.",
    ],
)
def test_the_name_of_a_model_as_an_ordinary_word_is_no_leak(answer):
    assert not is_leaked(battle_of("Starling-LM-7B-alpha", "qwen3-4b", answer))


@pytest.mark.parametrize(
    "answer",
    [
        "I'm not Qwen.",
        "No, I am not Qwen, I'm an AI assistant.",
        "I wasn't trained by Alibaba.",
        "Unlike Qwen, I cannot draw.",
        "我不是通义千问。",
        "我不是由阿里云开发的。",
        "与通义千问不同，我不能画画。",
        "I can't act as Qwen.",
        "大家好 I'm not Qwen.",
    ],
)
def test_denying_to_be_a_model_of_the_battle_is_a_leak(answer):
    assert is_leaked(battle_of("qwen3-4b", "gemma-2-2b-it", answer))
    assert is_leaked(battle_of("qwen3-4b", "gemma-2-2b-it", answer, prompt="Are you Qwen?"))
    assert not is_leaked(battle_of("mistral-7b", "gemma-2-2b-it", answer))


@pytest.mark.parametrize("answer", ["Qwen can be run at home.", "DeepSeek is cheap.", "可以试试DeepSeek。"])
def test_naming_a_model_of_the_battle_unasked_is_a_leak(answer):
    asked = "Which of Qwen and DeepSeek is better?"
    assert is_leaked(battle_of("qwen3-4b", "deepseek-llm-7b", answer))
    assert not is_leaked(battle_of("qwen3-4b", "deepseek-llm-7b", answer, prompt=asked))
    assert not is_leaked(battle_of("mistral-7b", "gemma-2-2b-it", answer))


@pytest.mark.parametrize(
    "answer",
    [
        "Qwen is made by Alibaba, DeepSeek by DeepSeek.",
        "DeepSeek比通义千问便宜，ChatGPT最贵。",
        "Some well-known models: Qwen, Llama, Mistral.",
        "```\nollama run qwen3\n```",
        'The label says "Ask Qwen first".',
        "The llama is an animal, and Gemini a star sign.",
    ],
)
def test_an_answer_about_several_models_or_in_code_is_no_leak(answer):
    assert not is_leaked(battle_of("qwen3-4b", "deepseek-llm-7b", answer, prompt="Tell me about models."))


@pytest.mark.parametrize("answer", ["I'm ChatGPT, made by OpenAI.", "我是豆包，由字节跳动开发。"])
def test_claiming_to_be_a_third_model_is_a_leak(answer):
    assert is_leaked(battle_of("qwen3-4b", "deepseek-llm-7b", answer))


def test_reasoning_and_earlier_answers_can_leak_and_prompts_cannot():
    battle = battle_of("gemma-2-2b-it", "yi-6b-chat", PLAIN, prompt="You are Yi, made by 01.AI. Are you Gemma?")
    assert not is_leaked(battle)
    thought = replace(battle.a.answer, reasoning="I am Gemma, so I say no.")
    assert is_leaked(replace(battle, a=replace(battle.a, answer=thought)))
    messages = (Message("user", "Hi"), Message("assistant", "I'm Yi, a model by 01.AI."), *battle.b.messages)
    assert is_leaked(replace(battle, b=replace(battle.b, messages=messages)))
