"""Chaos: the pipeline killed hundreds of times, its store damaged in every way, and the bytes compared.

python -m benchmarks.chaos --kills 200 --seed 0      or  make chaos N=200
"""
