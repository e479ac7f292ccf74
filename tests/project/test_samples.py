"""The recorded answers that come with the project."""

from pathlib import Path

from arena.judging.pairs import load_pairs
from arena.prompts import load_prompts

ROOT = Path(__file__).parents[2]


def test_the_samples_are_eight_pairs_of_the_real_models_on_prompts_of_the_set():
    prompts = load_prompts(ROOT / "prompts.json")
    pairs = load_pairs(ROOT / "samples" / "answers.jsonl", prompts)
    assert {model for pair in pairs for model in (pair.a.model.name, pair.b.model.name)} == {
        "Qwen-7B-Chat",
        "ChatGLM3-6B",
    }
    assert [pair.prompt_id for pair in pairs] == [prompt.id for prompt in prompts][:8]


def test_the_samples_name_their_source_and_licence():
    words = (ROOT / "samples" / "README.md").read_text("utf-8")
    assert "oC10H15No/Tongji-SE-project-AI-25Spring" in words and "Apache License 2.0" in words
