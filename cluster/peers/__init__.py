"""What nodes say to each other, and how each keeps up with the others."""
