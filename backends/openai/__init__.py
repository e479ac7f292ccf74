"""Models on an OpenAI-compatible server."""
