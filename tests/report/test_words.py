from __future__ import annotations

import doctest

import counterpoise.report.markdown
import counterpoise.report.words


def test_examples_in_the_docstrings() -> None:
    for module in (counterpoise.report.words, counterpoise.report.markdown):
        found = doctest.testmod(module)
        assert found.attempted and not found.failed
