"""Messages received: kept, decoded, made safe to show, filtered and exported. Knows no screen and no connection."""
