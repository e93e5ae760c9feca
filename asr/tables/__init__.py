"""From tables of clips, in the formats that people have, to rows: takes files, gives what they say of each clip."""
