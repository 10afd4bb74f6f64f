"""With an image of compiled code, Python can call only what is exported: no call of anything else may be written."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import lockstep
from lockstep.native_cache import _WITHOUT_NATIVE_CODE

PACKAGE = Path(lockstep.__file__).parent
NATIVE_ONLY = {"nopython", "inline", "intrinsic"}
NATIVE = NATIVE_ONLY | {"callback", "exported"}


def decorators(node: ast.stmt) -> set[str]:
    if not isinstance(node, ast.FunctionDef):
        return set()
    named = (each.func if isinstance(each, ast.Call) else each for each in node.decorator_list)
    return {each.id for each in named if isinstance(each, ast.Name)}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


TREES = {module_name(path): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}
NATIVE_ONLY_NAMES = {
    (module, node.name)
    for module, tree in TREES.items()
    for node in tree.body
    if isinstance(node, ast.FunctionDef) and decorators(node) & NATIVE_ONLY
}


def uses_in_python(module: str, tree: ast.Module) -> list[str]:
    """Places outside native functions where `module` names a function that is native only."""
    functions = {name: (module, name) for home, name in NATIVE_ONLY_NAMES if home == module}
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                here = alias.asname or alias.name
                if (node.module, alias.name) in NATIVE_ONLY_NAMES:
                    functions[here] = (node.module, alias.name)
                if f"{node.module}.{alias.name}" in TREES:
                    modules[here] = f"{node.module}.{alias.name}"
    found: list[str] = []

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt) and decorators(child) & NATIVE:
                continue
            is_name = (
                isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load) and child.id in functions
            )
            is_attribute = (
                isinstance(child, ast.Attribute)
                and isinstance(child.value, ast.Name)
                and (modules.get(child.value.id), child.attr) in NATIVE_ONLY_NAMES
            )
            if is_name or is_attribute:
                found.append(f"{module}, line {getattr(child, 'lineno', '?')}: {ast.unparse(child)}")
            visit(child)

    visit(tree)
    return found


def test_there_is_something_to_check() -> None:
    assert ("lockstep.log.ring", "ring_append") in NATIVE_ONLY_NAMES


def test_python_calls_exported_functions_only() -> None:
    found = [use for module, tree in TREES.items() for use in uses_in_python(module, tree)]
    assert found == []


def test_a_call_would_be_found() -> None:
    source = "from lockstep.log import ring\nfrom lockstep.log.ring import ring_pop\n"
    tree = ast.parse(source + "def shell(base):\n    ring_pop(base)\n    return ring.ring_peek(base)\n")
    assert len(uses_in_python("lockstep.shell", tree)) == 2


def test_packages_said_to_be_without_native_code_are() -> None:
    named = [
        module
        for module, tree in TREES.items()
        for node in tree.body
        if decorators(node) & NATIVE and module.split(".")[1] in _WITHOUT_NATIVE_CODE
    ]
    assert named == []


def test_all_that_is_entered_gets_into_the_image() -> None:
    entered = {
        module
        for module, tree in TREES.items()
        for node in tree.body
        if decorators(node) & {"callback", "exported"}
    }
    program = "import sys; from lockstep.host.warm_up import warm_up; warm_up(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert entered - set(done.stdout.split()) == set(), "modules that warm_up doesn't import"
