"""The local stack: executions whose attempts run in processes of this computer, over SQLite and files.

What an execution runs: `registry` the flows that this process has loaded · `projects` a flow's source · `bundles` that
source as one object · `flows` the Flows port, versions of it · `invoking` a version's execution, frozen · `loaded`
which loaded flow is the one of an execution.

Who runs it: `locks` who has what, by locks of the kernel · `going` who goes on, here or in a worker · `launches`
starting a worker · `loading` the code in one · `attempts` one attempt on a thread · `stays` waiting for an answer ·
`terminal` asking for it · `looks` how it stands · `executions` the Executions port.

Decides nothing that `kitaru.core` decides, and shows nothing.
"""
