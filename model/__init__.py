"""The vocabulary all layers speak: frozen values, a snapshot, the error tree. Imports nothing of ours."""
