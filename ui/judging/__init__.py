"""The tab where recorded answers are judged blind: its parts, what they show, and what they do."""
