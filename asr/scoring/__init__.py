"""From hypotheses to word error rates with intervals: takes what was said and heard, gives predictions and summaries."""
