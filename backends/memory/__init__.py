"""Whether a model fits into the memory that is free, asked before it is loaded. Knows no engine."""
