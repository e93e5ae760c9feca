"""From an audio file's bytes to samples, and to what is odd about them."""
