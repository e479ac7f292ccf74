"""The domain: battles, votes and what they show. Knows no gradio, no torch and no environment variable."""
