"""What natstui does without a screen: `natstui config`, `check`, `stats` and `events`."""
