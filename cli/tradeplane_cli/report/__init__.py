"""One page of HTML about one run, for people who would rather look."""
