"""Container and cluster files, checked by their formats' own parsers: there is no engine or cluster in the tests."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from compose_spec import PyCompose
from docker.utils.build import PatternMatcher


def test_dockerfile_passes_hadolint(root: Path) -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [hadolint, root / "deployments" / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_dockerfile_installs_the_pins_and_drops_root(root: Path) -> None:
    text = (root / "deployments" / "Dockerfile").read_text(encoding="utf-8")
    assert "--constraint constraints.txt" in text
    after_user = text[text.index("USER 1000") :]
    assert "pip install" in after_user and "USER root" not in after_user


def test_compose_file_is_valid_and_closed_to_the_outside(root: Path) -> None:
    document: dict[str, Any] = yaml.safe_load((root / "deployments" / "compose.yaml").read_text("utf-8"))
    PyCompose.from_json(json.dumps(document)).validate()
    services = document["services"]
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:4200:4200"]
    assert services["worker"]["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    assert "counterpoise deploy" in services["setup"]["command"][-1]
    assert services["reaper"]["command"][:2] == ["counterpoise", "reap"]


def test_no_password_is_written_down(root: Path) -> None:
    compose = (root / "deployments" / "compose.yaml").read_text(encoding="utf-8")
    example = (root / "deployments" / "compose.env.example").read_text(encoding="utf-8")
    wanted = {line.partition("=")[0] for line in example.splitlines() if "=" in line}
    assert wanted == {"DATABASE_PASSWORD", "STORE_PASSWORD"}
    assert all(f"{name}=\n" in example and f"${{{name}:?" in compose for name in wanted)


def secret_files(root: Path) -> set[str]:
    """The files that compose reads or the docs tell people to make for their passwords and tokens."""
    compose = yaml.safe_load((root / "deployments" / "compose.yaml").read_text("utf-8"))
    read = {
        f"deployments/{entry['path']}"
        for service in compose["services"].values()
        for entry in service.get("env_file", [])
    }
    pages = "\n".join(page.read_text("utf-8") for page in (root / "docs").rglob("*.md"))
    made = re.findall(r"--from-env-file=(\S+)|cp \S+\.example (\S+)", pages)
    return read | {name for names in made for name in names if name}


def test_no_file_with_secrets_gets_into_git_or_the_image(root: Path, tmp_path: Path) -> None:
    secret = secret_files(root)
    assert secret == {"deployments/.env", "deployments/.env.worker", "secrets.env"}
    example = "deployments/compose.env.example"  # holds no values, and people need it

    lines = (root / "deployments" / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    image = PatternMatcher([line for line in lines if line and not line.startswith("#")])
    assert {name for name in [*secret, example] if image.matches(name)} == secret

    shutil.copy(root / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    check = ["git", "check-ignore", "--no-index", *secret, example]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == secret


def test_kubernetes_worker_is_valid(root: Path) -> None:
    text = (root / "deployments" / "kubernetes" / "worker.yaml").read_text(encoding="utf-8")
    documents = list(yaml.safe_load_all(text))
    for document in documents:
        kubernetes_validate.validate(document, "1.31", strict=True)
    assert [document["kind"] for document in documents][-1] == "Deployment"
    containers = documents[-1]["spec"]["template"]["spec"]["containers"]
    assert all(not container["securityContext"]["allowPrivilegeEscalation"] for container in containers)
