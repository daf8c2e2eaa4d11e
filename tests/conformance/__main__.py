"""Conformance of the rehearsal's world: clients that were not written for it.

    python tests/conformance --program target/release/cutover --kubectl KUBECTL
                             [--lab-kubectl KUBECTL --lab-kubeconfig FILE --lab-reset COMMAND]

With the lab's options the same script also runs against the lab with the lab's own
kubectl, and the answers are compared field by field.
"""

import argparse
import sys

import current
import models
import two_worlds
from worlds import Rehearsal


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--kubectl", required=True, help="a current one")
    parser.add_argument("--lab-kubectl")
    parser.add_argument("--lab-kubeconfig")
    parser.add_argument("--lab-reset", help="puts the lab's application back to its start")
    options = parser.parse_args()

    checks = []
    with Rehearsal(options.program) as world:
        checks += current.run(world, options.kubectl)
    with Rehearsal(options.program) as world:
        checks += models.run(world)
    if options.lab_kubectl:
        checks += two_worlds.run(options)
    else:
        print("the comparison with the lab was not asked for")

    failed = [check for check in checks if check.wrong]
    for check in failed:
        print(f"FAILED {check.name}\n{check.wrong}\n")
    print(f"conformance: {len(checks) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
