"""What a model's folder or file holds, whether it is whole, and whether it runs. Knows no page and no terminal."""
