"""The machine that this process runs on: its cores, memory and pages, and what to record about it."""
