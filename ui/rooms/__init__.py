"""The tab of whoever holds the admin's token: rooms for classes."""
