"""Many nodes acting as one."""
