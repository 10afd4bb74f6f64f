"""What a script uses: machines, pairs and traces as objects."""
