"""The tab that makes a report: its parts and what they do."""
