"""The page. It imports arena, never backends or torch, and reads no environment variables."""
