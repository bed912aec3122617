"""The widgets of the explorer, and what happens when one of them is moved."""

from io import BytesIO
from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure

from fer_utils.explore.explorer import PICKS, ROLES, Changes, Explorer
from fer_utils.fer2013 import CHINESE, CLASSES, SIZE
from fer_utils.interpret.faithfulness import NETWORK_FREE
from fer_utils.interpret.maps import NAMES
from fer_utils.interpret.saliency import METHODS
from fer_utils.plots import explorer as plots

WRAPPED = {"flex_flow": "row wrap"}  # so that nothing shrinks in a narrow window
#: Method or baseline of `Explorer.maps` -> what it is called here.
LABELS = {
    **{name: NAMES[name] for name in METHODS},
    **{name: f"{NAMES[name]} (baseline)" for name in NETWORK_FREE},
}


def _slider(
    label: str,
    low: float,
    high: float,
    value: float,
    step: float = 1,
    label_width: str = "13em",
    width: str = "27em",
) -> widgets.Widget:
    kind = widgets.IntSlider if isinstance(step, int) else widgets.FloatSlider
    return kind(
        value=value,
        min=low,
        max=high,
        step=step,
        description=label,
        continuous_update=False,
        style={"description_width": label_width},
        layout={"width": width},
    )


class Panel:
    """The widgets of the explorer; `Panel(explorer).box` is what a notebook displays."""

    def __init__(self, explorer: Explorer):
        self.explorer = explorer
        names = [("any class", "any")]
        names += [(f"{n} {c}", n) for n, c in zip(CLASSES, CHINESE, strict=True)]
        self.cls = widgets.Dropdown(options=names, description="class")
        self.pick = widgets.Dropdown(options=PICKS, description="model2 is")
        self.place = _slider("which one", 0, 1, 0, label_width="80px", width="300px")
        self.upload = widgets.FileUpload(
            accept="image/*", description="own photograph", layout={"width": "auto"}
        )
        self.about = widgets.HTML()
        self.sliders = {
            "right": _slider("shift right, px", -12, 12, 0),
            "down": _slider("shift down, px", -12, 12, 0),
            "degrees": _slider("rotate, °", -45, 45, 0),
            "light": _slider("brighter, grey levels", -150, 150, 0),
            "patch": _slider("cover: side, px", 0, 24, 0),
            "x": _slider("cover: across, px", 0, SIZE - 1, SIZE // 2),
            "y": _slider("cover: down, px", 0, SIZE - 1, SIZE // 2),
        }
        self.network = widgets.Dropdown(options=ROLES, value="model2", description="network")
        self.methods = widgets.SelectMultiple(
            options=[(label, name) for name, label in LABELS.items()],
            value=("gradient", "contrast"),
            rows=len(LABELS),
        )
        self.target = widgets.Dropdown(
            options=[("its prediction", -1), *((name, k) for k, name in enumerate(CLASSES))],
            description="map of",
        )
        layout: dict[str, Any] = {"label_width": "15em", "width": "29em"}
        self.samples = _slider("SmoothGrad: copies", 2, 50, 10, **layout)
        self.steps = _slider("Integrated Gradients: steps", 2, 50, 20, **layout)
        self.kept = _slider("pixels kept", 0.02, 0.5, 0.1, 0.02, **layout)
        self.layer = widgets.Dropdown(
            options=[f"relu{n}" for n in range(1, 13)], value="relu7", description="layer"
        )
        self.number = _slider("filter", 0, 15, 0)
        self.ascent_steps = _slider("ascent: steps", 4, 96, 24)
        self.face = widgets.Image(format="png")
        self.bars, self.map, self.filter = (
            widgets.Image(format="png", layout={"width": "60em", "max_width": "100%"})
            for _ in "123"
        )
        self._watch()
        self.box = self._layout()
        self._choose()

    def _watch(self) -> None:
        for widget in (self.cls, self.pick):
            widget.observe(lambda _: self._choose(), "value")
        self.place.observe(lambda _: self._take(), "value")
        self.upload.observe(lambda _: self._take_upload(), "value")
        for widget in self.sliders.values():
            widget.observe(lambda _: self.draw(), "value")
        for widget in (
            self.network,
            self.methods,
            self.target,
            self.samples,
            self.steps,
            self.kept,
        ):
            widget.observe(lambda _: self.draw_maps(), "value")
        for widget in (self.network, self.layer, self.number, self.ascent_steps):
            widget.observe(lambda _: self.draw_filter(), "value")

    def _layout(self) -> widgets.Widget:
        choose = widgets.VBox([self.cls, self.pick, self.place, self.upload, self.about])
        change = widgets.VBox(list(self.sliders.values()))
        maps = widgets.HBox(
            [
                widgets.VBox([self.target, self.samples, self.steps, self.kept]),
                self.methods,
            ],
            layout=WRAPPED,
        )
        filters = widgets.HBox([self.layer, self.number, self.ascent_steps], layout=WRAPPED)
        self.tabs = widgets.Tab(
            [widgets.VBox([maps, self.map]), widgets.VBox([filters, self.filter])],
            titles=("Saliency maps", "One filter"),
        )
        self.tabs.observe(lambda _: self.draw_tab(), "selected_index")
        top = widgets.HBox([choose, change, self.face], layout=WRAPPED)
        return widgets.VBox([top, self.bars, self.network, self.tabs])

    def _choose(self) -> None:
        self.rows = self.explorer.rows(self.cls.value, self.pick.value)
        self.place.max = max(len(self.rows) - 1, 0)
        if self.place.value:
            self.place.value = 0  # which takes the image
        else:
            self._take()

    def _take(self) -> None:
        if not len(self.rows):
            self.about.value = "no such image"
            return
        row = int(self.rows[self.place.value])
        self.explorer.look_at(row)
        name = CLASSES[self.explorer.session.data.labels[row]]
        self.about.value = f"row {row}, label {name}; {len(self.rows):,} such images"
        self.draw()

    def _take_upload(self) -> None:
        if self.upload.value:
            self.about.value = self.explorer.look_at_picture(bytes(self.upload.value[0].content))
            self.draw()

    def draw(self) -> None:
        """Draw everything that is seen once more."""
        self.explorer.changes = Changes(**{k: s.value for k, s in self.sliders.items()})
        self.face.value = _png(plots.face(self.explorer.seen))
        self.probabilities = self.explorer.probabilities()
        self.bars.value = _png(plots.probability_bars(self.probabilities, self.explorer.label))
        self.draw_tab()

    def draw_tab(self) -> None:
        """Draw the tab that is open."""
        (self.draw_maps, self.draw_filter)[self.tabs.selected_index or 0]()

    def draw_maps(self) -> None:
        """Draw the maps under the methods that are selected."""
        target = self.target.value
        if target < 0:
            target = int(self.probabilities[self.network.value].argmax())
        found = self.explorer.maps(
            self.network.value,
            list(self.methods.value),
            target=target,
            samples=self.samples.value,
            steps=self.steps.value,
            kept=self.kept.value,
        )
        labelled = {LABELS[name]: values for name, values in found.items()}
        self.map.value = _png(plots.maps(self.explorer.seen, labelled))

    def draw_filter(self) -> None:
        """Draw the filter that is selected, and its output on the face."""
        layer = self.explorer.networks[self.network.value].get_layer(self.layer.value)
        self.number.max = layer.output.shape[-1] - 1
        picture, activation = self.explorer.filter(
            self.network.value, self.layer.value, self.number.value, steps=self.ascent_steps.value
        )
        figure = plots.filter_and_response(picture, activation, self.explorer.seen)
        self.filter.value = _png(figure)


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
