"""natstui for people elsewhere: over SSH and in browsers, each session a confined process of its own."""
