"""The runner: one run from its specification to its results, in a pod or on a laptop by the same code.

``runner.execution.run`` is the whole of it; ``python -m tradeplane_workloads.runner`` puts around it what a pod needs:
a specification from the environment, exit codes, a termination message, a log in the store and an answer to SIGTERM.
Nothing is imported here, so that a signal during the first tenths of a second is already answered.
"""
