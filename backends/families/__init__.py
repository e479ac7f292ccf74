"""What differs between model families: tokenizer, chat format, configuration and tensor names."""
