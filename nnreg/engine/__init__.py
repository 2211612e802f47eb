"""NumPy that trains: a network, a descent, and the loop around them."""
