"""FER2013 in every form that people have, the drawn faces, and what is wrong with either."""
