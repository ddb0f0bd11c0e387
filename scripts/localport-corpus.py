"""Fetches LocalPort's packages, takes every configuration out of their documentation and tests, and writes down how
LocalPort's own loader reads each. Nothing of it belongs into the repository: give it a folder outside.

    python3 scripts/localport-corpus.py /tmp/localport-corpus
    LOCALPORT_CORPUS=/tmp/localport-corpus npx vitest run tests/integration/config-localport-corpus.test.ts

Writes FOLDER/corpus.json: {"candidates": n, "configurations": [{"sources", "text", "readings": [{"env", "config", "services"}]}]}.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path

VERSIONS = ["1.2.0", "0.3.7.3"]
# What its loader imports, without what its engines need.
NEEDED = ["pyyaml", "structlog", "pydantic", "pydantic-core", "annotated-types", "typing-extensions",
          "typing-inspection", "pydantic-settings", "python-dotenv"]

LOADER = r'''
import asyncio, json, os, pathlib, sys
import structlog
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
import localport.domain.value_objects.connection_info as connection_info
from localport.infrastructure.repositories.yaml_config_repository import YamlConfigRepository

class AnyPath(pathlib.PosixPath):
    def exists(self, **_):
        return True  # a missing key file would end the whole file

connection_info.Path = AnyPath
repository = YamlConfigRepository(sys.argv[1])
try:
    config = asyncio.run(repository.load_configuration())
    services = asyncio.run(repository.load_services())
except Exception as error:
    print(json.dumps({"error": type(error).__name__}))
else:
    print(json.dumps({"config": config, "services": [
        {"name": s.name, "technology": s.technology.value, "local_port": s.local_port, "remote_port": s.remote_port,
         "connection": s.connection_info.config, "tags": s.tags, "description": s.description, "enabled": s.enabled,
         "health_check": s.health_check_config, "restart_policy": s.restart_policy} for s in services]}, default=str))
'''


def run(*command: str, **options) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def fetch(folder: Path) -> list[Path]:
    roots = []
    for version in VERSIONS:
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
            "--dest", str(folder), f"localport=={version}")
        with tarfile.open(folder / f"localport-{version}.tar.gz") as archive:
            archive.extractall(folder, filter="data") if sys.version_info >= (3, 12) else archive.extractall(folder)
        roots.append(folder / f"localport-{version}")
    return roots


def candidates(roots: list[Path]) -> dict[str, dict]:
    """Texts with `services:` at their left edge, each once: YAML files, fenced blocks, here documents, strings of tests."""
    found: dict[str, dict] = {}

    def consider(text: str, source: str) -> None:
        text = textwrap.dedent(text.replace("\r\n", "\n").strip("\n")) + "\n"
        if re.search(r"^services:", text, re.M):
            key = hashlib.sha256(text.encode()).hexdigest()
            found.setdefault(key, {"text": text, "sources": []})["sources"].append(source)

    here = re.compile(r"<<\s*-?['\"]?(\w+)['\"]?[^\n]*\n(.*?)\n\s*\1\b", re.S)
    for root in roots:
        for path in sorted(root.rglob("*")):
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            source = str(path.relative_to(root.parent))
            if path.suffix in (".yaml", ".yml"):
                consider(text, source)
            elif path.suffix == ".md" or path.name == "PKG-INFO":
                for block in re.finditer(r"^[ \t]*```\w*[^\n]*\n(.*?)^[ \t]*```", text, re.M | re.S):
                    consider(block[1], source)
                    for document in here.finditer(block[1]):
                        consider(document[2], source)
            elif path.suffix == ".sh":
                for document in here.finditer(text):
                    consider(document[2], source)
            elif path.suffix == ".py":
                for string in re.finditer(r'"""(.*?)"""', text, re.S):
                    consider(string[1], source)
    return found


def environments(text: str) -> list[dict[str, str]]:
    """Nothing set, and everything set that the text names."""
    names = {body.split(":", 1)[0].strip() for body in re.findall(r"\$\{([^}]+)\}", text)}
    everything = {name: "4711" if "PORT" in name else f"value-of-{name.lower()}" for name in sorted(names)}
    return [{}, everything] if everything else [{}]


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    roots = fetch(folder)
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        run(sys.executable, "-m", "venv", str(folder / "venv"))
    run(str(python), "-m", "pip", "install", "--quiet", "--no-deps", *NEEDED)
    (folder / "loader.py").write_text(LOADER)
    configurations = []
    texts = candidates(roots)
    for key, entry in sorted(texts.items()):
        path = folder / f"{key[:16]}.yaml"
        path.write_text(entry["text"])
        readings = []
        for env in environments(entry["text"]):
            base = {"PATH": os.environ["PATH"], "HOME": "/home/corpus", "PYTHONPATH": str(roots[0] / "src")}
            reading = json.loads(run(str(python), str(folder / "loader.py"), str(path), env={**base, **env}))
            if "error" not in reading:
                readings.append({"env": env, **reading})
        if readings:
            configurations.append({"sources": entry["sources"], "text": entry["text"], "readings": readings})
    (folder / "corpus.json").write_text(json.dumps({"candidates": len(texts), "configurations": configurations}))
    count = sum(len(entry["readings"]) for entry in configurations)
    print(f"{len(texts)} candidates, {len(configurations)} load in LocalPort, {count} readings")


main()
