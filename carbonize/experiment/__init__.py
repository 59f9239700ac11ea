"""A simulated carbon beside a measured one."""
