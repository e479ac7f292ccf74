"""Several conversations at once on one transformers model, step by step in one thread. Knows no text and no folders."""
