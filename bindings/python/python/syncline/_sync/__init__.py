# Written by tools/twins.py from _async/__init__.py. Change that one.
"""The calls that return when they are done."""
