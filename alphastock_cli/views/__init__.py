"""Values to characters; knows Rich, knows no broker."""
