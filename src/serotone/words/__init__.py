"""Speech to text, and text to emotion."""
