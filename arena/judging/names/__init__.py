"""How the names of models and their makers are found in what a model writes; arena.judging.identity decides by them."""
