"""What goes out to the terminal, in as few bytes as it takes."""
