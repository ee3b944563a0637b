"""Where tradeplane runs: the embedded cluster, the images, and their deployment."""
