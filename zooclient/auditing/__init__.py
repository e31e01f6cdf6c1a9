"""What somebody should know of a model before they use it: rules, and reports of what they found."""
