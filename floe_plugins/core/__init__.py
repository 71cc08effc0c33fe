"""The shared vocabulary: refs, candidates, problems, states and reports, as plain records."""
