"""Airflow's side: every DAG is derived from the registry; the work is done by the command, in its own environment."""
