"""Downloads published models into their folders."""
