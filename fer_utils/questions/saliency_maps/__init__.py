"""Question 4: saliency maps measured, which methods pass the sanity checks, and what they show."""
