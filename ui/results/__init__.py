"""The results tab: what the votes come to, and copies of them to take away."""
