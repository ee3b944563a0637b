"""Figures about results."""
