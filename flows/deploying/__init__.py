"""What `counterpoise deploy` puts on a Prefect server, each part so that doing it twice changes nothing."""

ATTEMPTS = 10
"""Starts of one run in all, where nothing else is asked for; here, so that a command's help need not import Prefect."""
