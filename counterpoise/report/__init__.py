"""The report of a finished run: see :func:`counterpoise.report.build.build_report`."""
