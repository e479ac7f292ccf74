"""Tests that drive a real Chromium. A package, so that a file here may be called like one in tests/."""
