"""The operator: it observes the cluster, decides by pure functions, and acts."""
