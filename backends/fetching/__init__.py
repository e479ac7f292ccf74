"""Published models into their folders. Knows hubs, files and hashes; loads no model and knows no terminal."""
