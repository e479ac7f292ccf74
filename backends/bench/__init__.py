"""Measuring: this project's engine and its rivals, on random weights of the two models' real shapes."""
