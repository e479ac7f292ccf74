"""How models mark the thinking before an answer, and whether a chat template can switch it off."""

import re

from arena.types import Thinking

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"
# What a model writes when it has thought enough.
CONCLUSION = f"\n{THINK_CLOSE}\n\n"
# The variable of chat templates that switches thinking on or off.
SWITCH = "enable_thinking"


def thinking_of(template: str) -> Thinking:
    """What the template says: that thinking can be switched, that every answer begins with it, or nothing."""
    if re.search(rf"\b{SWITCH}\b", template):
        return "switch"
    # Elsewhere the mark only serves to cut the thoughts out of earlier answers.
    return "always" if THINK_OPEN in template.rpartition("add_generation_prompt")[2] else ""
