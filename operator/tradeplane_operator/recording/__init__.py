"""The recorder: a process of its own that watches what users ask for, and appends what it sees to the audit ledger.

What a watch shows does not say who did it: a field manager's name is the client's own word. So all that this records is
``claimed``; who is authenticated stands in the API server's audit log alone.
"""
