"""The permission language, from text to compiled form. Pure: no I/O, no clock."""
