"""What a rounding costs, against the same weights in floats, on real weights and a fixed text."""
