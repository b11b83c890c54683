"""What only developers run: checks, generated pages, tests, benches of load and evaluations of what the worker finds.

The image holds none of it, and nothing but `cli/developing.py` knows it.
"""
