"""The prompt set: what is asked, what it tests, and what a good answer contains."""

from arena.prompts.entry import load_prompts, parse_prompts
from arena.prompts.prompt import DIMENSIONS, CodeReference, Prompt, Reference
from arena.prompts.store import PromptStore

__all__ = ["DIMENSIONS", "CodeReference", "Prompt", "PromptStore", "Reference", "load_prompts", "parse_prompts"]
