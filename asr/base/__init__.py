"""What every stage may use: errors, typed parameters, lists of clips as JSON Lines, files as they are read, text normalisers, hashes, progress."""
