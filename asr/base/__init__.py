"""What every stage may use: errors, typed parameters, lists of clips as JSON Lines, text normalisers, hashes, progress."""
