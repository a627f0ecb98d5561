"""Blind votes of people on base and tuned answers: what one vote is, and what many of them say."""
