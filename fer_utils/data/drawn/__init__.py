"""The drawn faces: action units -> geometry -> pixels."""
