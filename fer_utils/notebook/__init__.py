"""What a notebook imports first: its data, its runs, and how it shows figures, tables, answers.

    nb = notebook.start("03_model_training", dataset=DATASET, profile=PROFILE, seed=SEED)
    run = nb.runs.model("model2")
    nb.show(figure, photographs=False, caption="...", alt="...")
    nb.table(frame, caption="...")
    nb.say("Markdown")
    nb.answer("...", chinese="...", question=1, findings=[...])
    nb.finish()

What the report needs to know is displayed as outputs of the type `RECORD`, which `report.execute`
moves into the executed notebook's metadata.
"""

from fer_utils.notebook.display import Finding
from fer_utils.notebook.session import ParameterError, expect_names, start

__all__ = ["Finding", "ParameterError", "expect_names", "start"]
