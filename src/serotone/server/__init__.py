"""The service: HTTP and WebSocket around one Recognizer, and a page."""
