"""The embedded cluster: a real Kubernetes of two architectures on one machine, from pinned Go modules.

It needs no Docker, no systemd and no image registry to pull from. Everything it runs lives in namespaces and cgroups
of its own under one state directory, so that it neither disturbs nor is disturbed by what else the machine does.
"""
