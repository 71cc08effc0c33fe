"""Declared dependencies: parse them, find what meets them, and order the plugins."""
