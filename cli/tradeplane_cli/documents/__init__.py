"""The YAML documents a user applies, read on a laptop with the same meaning the API server gives them."""
