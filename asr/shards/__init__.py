"""Where frames live: takes and gives log-mel frames in checked Arrow files, in a folder or an object store."""
