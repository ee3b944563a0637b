"""``make demo``: from a checkout to a finished strategy on a real cluster, saying at each step what it does.

Every stage looks first at what is there, so a second run only checks, and a run that was broken off goes on where it
was. Nothing here is a shortcut: it builds, pushes, applies and waits with the commands a person would use.
"""
