"""A simulated robot arm over a table: its kinematics, its world, its service and its tools."""
