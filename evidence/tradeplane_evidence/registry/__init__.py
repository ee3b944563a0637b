"""An OCI registry: where results and their attestations lie for everybody who may read them."""
