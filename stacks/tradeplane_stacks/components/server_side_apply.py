"""How objects are applied by Pulumi's provider of Kubernetes: fields that somebody took over by hand are taken back.

Without the annotation whoever changed a field last goes on owning it, and the next ``up`` ends in a conflict
(https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/).
"""

TAKES_BACK = {"pulumi.com/patchForce": "true"}
"""Annotation by which the provider of Pulumi wins conflicts about fields."""
