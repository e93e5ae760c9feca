"""What every stage uses: the command line around it, and what it reads of params.yaml and machine.yaml."""
