"""Run plugins' code: on threads of their own, under deadlines, side by side along a graph."""
