"""`make demo`: a whole hub in real processes, real messages through its doors, and where each event came out."""
