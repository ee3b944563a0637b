"""NetworkPolicy, enforced with nftables in the embedded cluster's network namespace.

The reference CNI plugins carry packets and enforce nothing, so a policy that would protect a pod in a real cluster
would be silently ignored here, and a test of it would prove nothing. Pods of the embedded cluster are attached by the
`ptp` plugin, which makes all of their traffic routed: it passes the namespace's netfilter hooks, where one table
decides.

`model` is what the API's objects mean, `ruleset` compiles them, `state` holds them, `enforcer` follows the API and
loads the result; through `gate` the CNI plugin `cni_plugin` holds each pod back until its address is policed.
"""
