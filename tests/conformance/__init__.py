"""What every store must do, tested at the ports of storage/base.py. A new store joins in conftest.py."""
