"""The page's tabs, one a module: what is shown where, and which function answers."""
