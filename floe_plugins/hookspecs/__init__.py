"""The hook contracts: one module for each category, whose class is the hookspec."""
