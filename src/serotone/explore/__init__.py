"""The page that shows a corpus."""
