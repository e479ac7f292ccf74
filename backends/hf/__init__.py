"""Checkpoint folders on transformers."""
