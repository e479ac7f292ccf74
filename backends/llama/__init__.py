"""GGUF files on llama.cpp, and the sizes that its memory use depends on."""

# Conversations in one step, each with a context of its own; more wait in a queue.
SLOTS = 4
# A prompt is read in chunks of this many tokens, so that Stop and other conversations wait for one chunk at most.
PREFILL_CHUNK = 128
