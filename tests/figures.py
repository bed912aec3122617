"""What the tests of figures share."""

import matplotlib.pyplot as plt


def legend(figure: plt.Figure) -> list[str]:
    """The texts of a figure's legend, or of that of its first axes."""
    found = figure.legends or [figure.axes[0].get_legend()]
    return [text.get_text() for text in found[0].get_texts()]
