"""The page. Knows arena; not backends, not torch, not files, not environment variables."""
