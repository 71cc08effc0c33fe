"""Prepare, start, check and stop plugins in the order of their dependencies."""
