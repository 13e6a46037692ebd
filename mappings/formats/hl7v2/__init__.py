"""HL7 v2, versions 2.1 to 2.8, pipe and hat: a lazy parser that splits first and unescapes last.

`decode.decode_hl7v2` is the way in; `message` holds what it makes, `escapes` and `delimiters` the chapter 2 rules,
`charsets` what MSH-18 may mean, `batch` bodies of several messages, `dictionary` the standard's fields and components.
"""
