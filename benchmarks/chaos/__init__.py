"""Chaos: the pipeline killed hundreds of times, its store damaged in every way, and the bytes compared.

python -m benchmarks.chaos --kills 200 --seed 0      or  make chaos N=200
"""

import os

ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
for _name in ONE_THREAD:  # before anything here imports NumPy, whose BLAS starts its threads at once
    os.environ.setdefault(_name, "1")
