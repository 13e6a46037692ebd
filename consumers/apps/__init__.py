"""Apps that come along, one folder or module each. None knows another."""
