"""The order of the steps, written once, in two colours."""
