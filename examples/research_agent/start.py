"""Run the research agent on the configured stack: python start.py [TOPIC].

The last line is `PUBLISHED: # Durable agents` after a yes, `REJECTED: durable agents` after a no.
"""

import sys

from agents.research import research_agent

if __name__ == "__main__":
    handle = research_agent.run(topic=sys.argv[1] if len(sys.argv) > 1 else "durable agents")
    print(f"execution {handle.exec_id}", flush=True)
    print(handle.wait())
