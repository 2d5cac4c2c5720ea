"""Compiled code kept on disk between runs, by content. A missing, read-only or damaged cache costs time and nothing else."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import platformdirs
import sympy

from cytotrial.engine.machine import Machine, compiler_version
from cytotrial.model.system import OdeSystem

_DIGEST_BYTES = hashlib.sha256().digest_size


def default_cache_folder() -> Path:
    """The folder of compiled models in the user's cache."""
    return platformdirs.user_cache_path("cytotrial") / "engine"


def cache_key(system: OdeSystem, machine: Machine, *, method: str) -> str:
    """A name that changes whenever the machine code would: system, engine source, compiler, processor, lanes, method."""
    digest = hashlib.sha256()
    for part in (_source_digest(), compiler_version(), sympy.__version__, method, repr(machine)):
        digest.update(part.encode() + b"\0")
    for names in (system.states, system.parameters, system.inputs, system.observables, sorted(system.shared)):
        digest.update("\n".join(names).encode() + b"\0")
    known: dict[sympy.Basic, bytes] = {}
    for expression in (*system.derivatives, *system.observations):
        digest.update(_expression_digest(sympy.sympify(expression), known))
    return digest.hexdigest()


def read_cached(folder: Path, key: str) -> tuple[bytes, dict[str, int]] | None:
    """The code and sizes kept under this key, or None when there is nothing whole to read."""
    try:
        content = (folder / key).read_bytes()
    except OSError:
        return None
    digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    header, _, code = body.partition(b"\n")
    return code, json.loads(header)


def write_cached(folder: Path, key: str, *, code: bytes, sizes: Mapping[str, int]) -> bool:
    """Keep code and sizes under this key; False when the folder cannot be written."""
    body = json.dumps(dict(sizes)).encode() + b"\n" + code
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Written beside its place and moved there whole: another process never reads half a file.
        with tempfile.TemporaryDirectory(dir=folder) as beside:
            file = Path(beside) / key
            file.write_bytes(hashlib.sha256(body).digest() + body)
            file.replace(folder / key)
    except OSError:
        return False
    return True


def _source_digest() -> str:
    """Changes with any file of this package."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _expression_digest(expression: sympy.Basic, known: dict[sympy.Basic, bytes]) -> bytes:
    found = known.get(expression)
    if found is None:
        found = known[expression] = hashlib.sha256(b"".join(_expression_parts(expression, known))).digest()
    return found


def _expression_parts(expression: sympy.Basic, known: dict[sympy.Basic, bytes]) -> Iterable[bytes]:
    yield type(expression).__name__.encode()
    if expression.args:
        yield from (_expression_digest(argument, known) for argument in expression.args)
    else:
        yield sympy.srepr(expression).encode()
