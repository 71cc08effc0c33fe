"""Load a configuration from a file, the environment and arguments, and validate it.

Loading does not import pydantic; validating does.
"""
