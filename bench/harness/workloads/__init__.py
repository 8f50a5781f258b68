"""What is asked: schemas and data made from seeds, and asks by number, as values any process can take up."""
