"""The class tab: rooms in which a class rates answers."""
