"""What a permission means; knows nothing of peers, sockets or rows."""
