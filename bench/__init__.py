"""Measurements of this machine: speed and memory beside rivals, votes on disk, and a page under load."""
