"""Verification: from bytes that anybody may have written to what may be relied on."""
