"""What publish is made of: the files that may leave this machine, and the repository on the hub that takes them."""
