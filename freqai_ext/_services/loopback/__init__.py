"""Servers of this package on the loopback address, in processes of their own: for demonstrations, tests and users."""
