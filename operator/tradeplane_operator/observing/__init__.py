"""What the operator knows of the cluster and of the stores, and how it comes to know it."""
