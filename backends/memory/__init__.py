"""Whether a model fits into the free memory, checked before it is loaded."""
