"""Load on the app: many votes on disk, and many people at a served page."""
