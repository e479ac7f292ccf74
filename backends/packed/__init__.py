"""Weights of few bits: how they are rounded, laid out, stored, opened and multiplied. Knows no text and no sampling."""
