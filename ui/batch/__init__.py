"""The tab that asks all prompts of both models: its parts, what they show, and what they do."""
