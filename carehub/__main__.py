"""`python -m carehub`, for where the command itself is not installed."""

from carehub.main import app

app(prog_name="carehub")
