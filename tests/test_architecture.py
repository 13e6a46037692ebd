"""The rules of the house that a reader of one file cannot see: directions, the straight line, sizes, what stays out."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("carehub", "gateway", "consumers", "mappings", "contract", "migrations")
LONGEST_MODULE = 300
STAGES = ["who_sent", "decode", "context_of", "mapped", "validated", "restricted", "keep", "receipt"]


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def lint_imports(checkout: Path) -> subprocess.CompletedProcess[str]:
    lint = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    command = [sys.executable, "-c", lint, "--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=lambda _, names: [n for n in names if not _is_python(n)]
        )
    return tmp_path


def _is_python(name: str) -> bool:
    return name.endswith(".py") or ("." not in name and name not in {"__pycache__", "packs", "samples"})


def test_imports_go_down_only() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("gateway/source.py", "import consumers"),
        ("mappings/stages.py", "import gateway.source"),
        ("contract/topics.py", "import mappings.stages"),
        ("gateway/delivery.py", "import carehub.settings"),
        ("mappings/stages.py", "import sqlalchemy"),
    ],
)
def test_a_broken_direction_is_noticed(copy: Path, module: str, line: str) -> None:
    with (copy / module).open("a") as file:
        file.write(f"\n{line}\n")
    done = lint_imports(copy)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout


def test_apps_do_not_know_each_other() -> None:
    apps = ROOT / "consumers" / "apps"
    names = {path.stem for path in apps.iterdir() if path.stem != "__init__" and not path.name.startswith("__")}
    for path in apps.rglob("*.py"):
        own = path.relative_to(apps).parts[0].removesuffix(".py")
        others = {f"consumers.apps.{name}" for name in names - {own}}
        assert not {name for name in _imported(path) if name.startswith(tuple(others))}, path


def test_the_line_is_one_function_that_calls_the_stages_in_order() -> None:
    tree = ast.parse((ROOT / "gateway" / "intake.py").read_text())
    line = next(n for n in tree.body if isinstance(n, ast.AsyncFunctionDef) and n.name == "intake")
    assert (line.end_lineno or 0) - line.lineno < 40
    assert [name for name in _calls(line) if name in STAGES] == STAGES


def test_no_module_is_too_long_to_hold_one_idea() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in modules()}
    assert not {path: n for path, n in lengths.items() if n > LONGEST_MODULE}


def test_every_module_says_what_it_is() -> None:
    assert not [str(path) for path in modules() if not ast.get_docstring(ast.parse(path.read_text()))]


def test_exported_names_exist() -> None:
    packages = sorted(path.parent for path in modules() if path.name == "__init__.py" and "__all__" in path.read_text())
    for package in packages:
        name = ".".join(package.relative_to(ROOT).parts)
        module = __import__(name, fromlist=["__all__"])
        assert not [exported for exported in module.__all__ if not hasattr(module, exported)], name


def test_requirements_are_pinned_by_hash_and_name_no_address() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text
        assert "--find-links" not in text
        pins = re.split(r"\n(?=[a-z0-9])", text.strip())
        assert all("==" in pin and "--hash=sha256:" in pin for pin in pins), path


def test_no_file_names_a_package_registry_or_a_folder_of_one_machine() -> None:
    registries = [".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"))]
    registries += [".".join(parts) for parts in (("maven", "org"), ("maven", "apache", "org"), ("npmjs", "com"))]
    homes = ["/" + "work/", "/" + "root/", "/" + "home/"]
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    paths = [ROOT / line for line in tracked.stdout.splitlines()] or list(modules())
    found = []
    for path in paths:
        try:
            text = path.read_text()
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        found += [f"{path}: {word}" for word in (*registries, *homes) if word in text]
    assert not found


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _calls(node: ast.AST) -> Iterator[str]:
    """Names of what is called, in the order of evaluation: arguments before the call they are given to."""
    for child in ast.iter_child_nodes(node):
        yield from _calls(child)
    if isinstance(node, ast.Call):
        yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
