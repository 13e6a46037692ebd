"""The runtime: subscribes an app, delivers each event effectively once, waits out faults, buries what never works."""
