"""What Pulumi runs: programs that make components by a stack's configuration.

A program is a table of components. ``stacks/`` of the repository has a folder for each that the command ``pulumi``
runs; ``tradeplane stack`` runs the same by the Automation API.
"""
