"""Votes copied to a private dataset on a hub, and brought back from there. Knows no page and no model."""
