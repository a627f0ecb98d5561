"""The pure packages: what is known of pairs, models and measures. Importing it makes torch's threads wait calmly."""

from counterpoise.threads import set_defaults

set_defaults()
