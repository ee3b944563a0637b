"""Evidence: what a run was, signed, where an auditor finds it and verifies it without us."""
