"""The prompt set: what is asked, what it tests, and what a good answer contains."""

from arena.prompts.files import load_prompts
from arena.prompts.prompt import DIMENSIONS, CodeReference, Prompt, Reference

__all__ = ["DIMENSIONS", "CodeReference", "Prompt", "Reference", "load_prompts"]
