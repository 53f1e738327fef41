"""What follows from one look at an execution, one rule a file. The first policy that answers wins.

Each has `answer(case) -> Answer | None`. Which step the journal's protocol takes is decided by
`kitaru.core.protocol.passes`, the same functions that the exhaustive model checks; the policies turn that step into
the operator's actions and add what the model does not know: flows, images, deadlines of the start, conditions.
"""
