"""The auditor's export: the evidence of a period, copied out of registries so that it stands by itself."""
