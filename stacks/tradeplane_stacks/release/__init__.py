"""A release: every file that is published of one commit, and the record by which somebody signs them.

It is built from what git has of the commit and from nothing that lies beside it in the checkout, with the wheels that
the images are built with, so that two machines with the same tools give the same bytes. What builds it has no key and
signs nothing: ``tradeplane release sign`` reads the record, which is another room's.
"""
