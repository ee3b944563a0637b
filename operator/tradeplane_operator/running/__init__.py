"""The loop: keys queued, planned and applied by workers, on the replica that leads."""
