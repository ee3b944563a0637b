"""Where bytes are kept and how they are named: object stores, manifests and canonical digests.

No numerics live here: the operator reads manifests through this package and must stay small. What needs Arrow is in
``tradeplane_store.records``, behind the extra ``arrow``.
"""
