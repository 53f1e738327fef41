"""The local stack: executions whose attempts run in this process, over SQLite and files.

`registry` the flows that this process has loaded · `locks` who runs what, by locks of the kernel ·
`stays` waiting for an answer · `terminal` asking for it · `attempts` one attempt on a thread ·
`executions` the Executions port. Decides nothing that `kitaru.core` decides, and shows nothing.
"""
