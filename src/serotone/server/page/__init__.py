"""The page that the service shows."""
