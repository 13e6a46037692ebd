"""`make fuzz`: bytes that nobody should send, made by a coverage-guided fuzzer, on everything that reads bytes.

targets    what is fuzzed: a promise about any bytes, and the good bytes to begin with
decoders, middle, framing, long    the promises
watch      time, memory and count of executions, measured around each of them
worker     one target in a process of its own, under atheris (libFuzzer)
found      inputs that once broke a promise; every test run tries them again
"""
