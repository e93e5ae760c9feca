"""Recognition: takes an exported model and recordings of any length, gives transcripts and subtitles."""
