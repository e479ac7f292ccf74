"""Measuring what this project claims about itself: how much a rounding costs, and how fast it runs."""
