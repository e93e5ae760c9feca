"""From the CSV's rows to clips that are checked, filtered and divided: takes a table and audio, gives clips and rejects."""
