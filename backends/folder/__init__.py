"""Reads the small files of a model's folder or GGUF file: configuration, adapter, manifest, tensor names and sizes."""
