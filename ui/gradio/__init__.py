"""Everything that depends on gradio's private parts."""
