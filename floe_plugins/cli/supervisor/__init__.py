"""The supervisor: the process that the operator started. It imports no plugin and watches over the host."""
