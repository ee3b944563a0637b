"""The page of an export of evidence, as an auditor opens it: with a browser, offline, years later."""
