"""Doubles and suites for people who embed or extend zooclient."""
