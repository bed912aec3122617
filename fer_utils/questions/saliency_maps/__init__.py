"""Question 4: what is measured of saliency maps, which of them may speak, and what they say."""
