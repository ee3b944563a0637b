"""Signatures: envelopes, bundles, keys and who makes and checks them."""
