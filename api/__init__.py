"""The public face: requests decoded, checked, answered; errors as statuses."""
