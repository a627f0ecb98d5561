"""Numbers before and after tuning, as one kind of record: see :class:`counterpoise.measures.measure.Measure`."""
