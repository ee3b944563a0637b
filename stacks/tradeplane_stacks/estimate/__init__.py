"""What a stack costs in a month, by its configuration and a dated table of prices.

Estimates are of what stands there whether it is used or not, such as nodes, gateways and keys. What depends on use is
named with its price and not counted, as nobody can know it from a configuration. Nothing is asked of AWS, and a price
that is not in the table is a gap that is told, never a guess.
"""
