"""Copies votes to a private dataset on a hub and restores them; downloads recorded answers from a dataset."""
