"""What every other part speaks of: refs, candidates, problems, states and reports, as plain records."""
