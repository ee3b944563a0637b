"""The registry of configurations: every version of what was asked for, by the digest of its bytes."""
