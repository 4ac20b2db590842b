"""The trained thing on disk: a folder with everything one needs, and no pickle."""
