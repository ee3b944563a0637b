"""Stacks previewed, brought up, compared and removed by Pulumi's Automation API, for the command ``tradeplane stack``.

What is decided (what an event means, what an error means) is apart from what runs Pulumi.
"""
