"""What AWS must never look like where tradeplane runs, asked by Pulumi before anything is changed.

The components already make things so. The rules are for everything else in a stack: what a team adds beside them, and
what someone changes in them one day. They read what Pulumi would send to AWS, and nothing of our code.
"""
