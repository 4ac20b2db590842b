"""From ``Audio`` to ``Prediction``: the one path that every command takes."""
