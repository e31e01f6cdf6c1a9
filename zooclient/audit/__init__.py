"""What somebody should know of a model before they use it: rules on its record and card, and reports of what they found."""
