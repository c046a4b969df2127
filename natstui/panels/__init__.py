"""One file per kind of panel. Every panel owns one managed connection."""
