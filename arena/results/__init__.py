"""What the votes of a log come to: read as columns, once, and summed up in figures. Knows no page and no words."""
