"""Random weights with the shapes of real models, one module per file format."""
