"""Measurements of what this project claims: rounding quality, speed against rivals, and load."""
