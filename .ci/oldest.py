"""The oldest versions that pyproject.toml allows, as constraints for pip: the packages that `distill` itself needs.

The tools of the extra `dev` stay free: nobody who uses the packages installs them.
"""

import re
import tomllib
from pathlib import Path

if __name__ == "__main__":
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in project["dependencies"]:
        found = re.fullmatch(r"([\w.-]+)(?:\[.*\])?>=([\w.]+)", requirement)
        if found is None:
            raise SystemExit(f"{requirement!r} has no oldest version: write it as name>=version")
        name, version = found.groups()
        # 2.3 as a constraint is 2.3.*: the first release of a line may have been withdrawn
        print(f"{name}=={version}{'.*' if version.count('.') < 2 else ''}")
