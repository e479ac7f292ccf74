"""What puts the app under load and measures it. Knows arena's values and HTTP, no page, no model and no test."""
