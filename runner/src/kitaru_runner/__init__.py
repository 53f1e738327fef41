"""The process inside a Kitaru pod: one attempt of one execution.

It knows the engine and the store, and neither Kubernetes nor the operator: what it is to do comes in its environment
and in spec.json, what became of it stands in the journal. Must not import boto3 or kubernetes: they take longer to
import than an attempt may take to start.
"""
