"""Measuring what this project claims of itself: what a rounding costs, how fast it runs, and its rivals."""
