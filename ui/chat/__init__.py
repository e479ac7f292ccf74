"""The chat tab: its parts, what they show, and what they do."""
