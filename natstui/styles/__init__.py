"""The only place of colours and sizes."""
