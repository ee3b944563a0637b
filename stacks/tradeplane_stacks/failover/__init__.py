"""A service moved from one region to another, for the command ``tradeplane stack failover``.

Neither Pulumi nor its state is needed, as both may be in the region that is lost: what there is follows from the
stack's configuration, which lies in the repository. What is decided (may the service be moved, and what is lost by it)
is apart from what asks AWS.
"""
