"""JupyterLab as `make lab` starts it: in the folder of working copies, on the start page."""

from fer_utils.notebook.lab import START, WORKING

c = get_config()  # noqa: F821 -- Jupyter defines it
c.ServerApp.root_dir = str(WORKING)
c.LabApp.default_url = f"/lab/tree/{START}"
