"""Computes results from votes: verdicts, counts, ratings, bias, agreement and cost."""
