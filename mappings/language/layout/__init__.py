"""How pack files are written: one spelling for what means the same, so that a change shows only what differs.

Comments, quotes, block structure and the order of keys are the author's. A file whose meaning would change is refused.
"""
