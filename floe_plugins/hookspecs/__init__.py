"""The contracts between platform and plugins: one module per category, whose class declares the hooks."""
