"""Keyless signatures: a certificate says who signed, and logs and timestamps when; no key is kept."""
