"""What an answer says against what is known of a good one. Nothing here judges: a rater does. Runs no code."""

from arena.checks.compare import Check, check_answer

__all__ = ["Check", "check_answer"]
