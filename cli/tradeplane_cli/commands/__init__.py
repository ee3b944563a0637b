"""The commands: options, help and printing. What they do is elsewhere, imported only when they run."""
