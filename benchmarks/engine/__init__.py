"""The engine beside its peers: one composed model, one fixed schedule of doses, equal error. Not part of the package.

`python dev.py bench` runs it and keeps a table and a picture in `benchmarks/results`. Read `benchmarks/README.md` first.
"""
