"""The conformance suite: each sentence of a contract as a test that makes real calls of a plugin."""
