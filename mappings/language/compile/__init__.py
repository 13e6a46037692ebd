"""Checked templates become Python: one function per template, straight lines, constants prebuilt.

Checking and writing are one walk, since both need the type of every expression. Mistakes are collected, never raised;
code with mistakes in it is thrown away. Text of a pack enters the code only through repr(), names only from here.
"""
