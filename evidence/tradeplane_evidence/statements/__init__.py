"""What is claimed: in-toto Statements, and the predicates that tradeplane makes."""
