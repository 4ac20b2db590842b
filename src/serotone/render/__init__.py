"""Figures and pages for people. Nothing here computes a score."""
