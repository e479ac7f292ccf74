"""Models on a server that speaks OpenAI's protocol, as far as each vendor does."""
