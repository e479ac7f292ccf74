"""The prompt set: what is asked, what it tests, and what is known of a good answer."""

from arena.prompts.files import load_prompts
from arena.prompts.prompt import DIMENSIONS, Prompt
from arena.prompts.reference import CodeReference, Reference

__all__ = ["DIMENSIONS", "CodeReference", "Prompt", "Reference", "load_prompts"]
