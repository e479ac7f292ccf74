"""Reads the small files of a model's folder or GGUF file: configuration, adapter, manifest, tensor names and sizes."""

# Tokens, for a model that does not say.
DEFAULT_CONTEXT = 4096
# Tokens. Models claim more than a small machine has memory for.
LONGEST_CONTEXT = 8192
