"""Weights of 4 and 8 bits: how they are rounded, laid out, stored, opened and multiplied."""
