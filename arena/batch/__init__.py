"""Batches: every prompt of a set asked of models, one model after the other, each answer saved as it ends."""
