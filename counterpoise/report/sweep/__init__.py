"""The comparison of a sweep's branches: see :func:`counterpoise.report.sweep.build.build_comparison`."""
