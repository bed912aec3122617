"""What a notebook imports first: its data, its runs, and how it shows figures, tables, answers.

    nb = notebook.start("03_model_training", dataset=DATASET, profile=PROFILE, seed=SEED)
    run = nb.runs.model("model2")
    nb.show(figure, caption="...", alt="...")
    nb.table(frame, caption="...")
    nb.conclude("A sentence by hand.", result.rounds_to(67.0))
    nb.answer(Told("...", "...", [checks]), question=1, rows=[Row("...", ours, homework, verdict)])
    nb.finish()

What the report needs to know is displayed as outputs of the type `RECORD`, which `report.execute`
moves into the executed notebook's metadata.
"""

from fer_utils.notebook.conclude import Told, UntrueSentence
from fer_utils.notebook.display import Row
from fer_utils.notebook.session import ParameterError, expect_names, start

__all__ = ["ParameterError", "Row", "Told", "UntrueSentence", "expect_names", "start"]
