"""The research agent's package: what the image holds and `flow.yaml` names."""
