"""All that depends on private parts of gradio."""
