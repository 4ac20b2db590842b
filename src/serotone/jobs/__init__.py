"""The Recognizer over many files: local processes, and what comes after them."""
