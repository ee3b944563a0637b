"""The audit ledger: what happened to which object, in one chain in Postgres that shows a change of any of it."""
