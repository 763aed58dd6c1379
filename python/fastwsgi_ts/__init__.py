"""The Python side of a fastwsgi-ts worker: see main.py beside this package."""
