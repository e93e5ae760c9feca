"""The page to try a model: what hears, how two texts differ, what the browser shows."""
