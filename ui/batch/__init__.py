"""The batch tab: every prompt of the set through both models."""
