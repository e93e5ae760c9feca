"""What `commands.compare` is made of: the sides, the families of models, their tables and pictures."""
