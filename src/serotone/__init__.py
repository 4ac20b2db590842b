"""serotone hears how something is said: speech emotion recognition with honest figures."""

__version__ = "0.1.0"
