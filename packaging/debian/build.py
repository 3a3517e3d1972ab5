"""Build the Debian package: ``make deb``. Needs the Python of Debian with venv and headers, a C compiler and dpkg-deb;
no other packaging tools.

The package contains a virtual environment in /usr/lib/sensor with all dependencies of the sensor and its outputs, for
the minor version of Python that built it; systemd units; a configuration in which all keys are commented out; shell
completion; and man pages if ``docs/`` is present.
"""

from __future__ import annotations

import configparser
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "build" / "deb"
PYTHON = "/usr/bin/python3"
NAME = "passive-network-sensor"
MAINTAINER = "The sensor's authors <sensor@localhost.localdomain>"
PREFIX = "usr/lib/sensor"
UNITS = "usr/lib/systemd/system"
DOCUMENTS = f"usr/share/doc/{NAME}"
SOURCES = (
    "sensor",
    "fingerprints",
    "packaging",
    "docs",
    "integrations",
    "setup.cfg",
    "setup.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)
NOT_SOURCE = shutil.ignore_patterns("*.so", "*.c", "__pycache__", "*.egg-info")
SHELLS = {
    "bash": "usr/share/bash-completion/completions/sensor",
    "zsh": "usr/share/zsh/vendor-completions/_sensor",
    "fish": "usr/share/fish/vendor_completions.d/sensor.fish",
}
# The defaults must not contain the name of the build host.
DEFAULTS = (
    "import platform; platform.node = lambda: 'this-machine'; from sensor.cli._service_units import "
    "default_configuration as text; print(text(), end='')"
)

PARTS = """
import importlib.metadata
for one in importlib.metadata.distributions():
    print(one.name, one.version, one.metadata.get("License-Expression") or one.metadata.get("License") or "", sep="|")
"""


def main() -> int:
    """Build the package and print its path."""
    missing = [name for name in ("dpkg-deb", "strip", PYTHON) if shutil.which(name) is None]
    if missing:
        print(f"cannot build a Debian package without {', '.join(missing)}", file=sys.stderr)
        return 1
    root, source = WORK / "root", WORK / "source"
    shutil.rmtree(root, ignore_errors=True)
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    for path in (ROOT / name for name in SOURCES):
        if path.is_dir():
            shutil.copytree(path, source / path.name, ignore=NOT_SOURCE)
        elif path.exists():
            shutil.copy(path, source)
    print(
        (
            f"building dependencies and kernels for Python {'.'.join(map(str, _python()))} "
            "(a few minutes for the first build)"
        ),
        file=sys.stderr,
    )
    environment(root, source)
    files(root, source)
    print(packed(root))
    return 0


def environment(root: Path, source: Path) -> None:
    """Create the virtual environment for the path where it will be installed."""
    tools, inside = WORK / "tools", root / PREFIX
    if not (tools / "bin" / "cython").exists():
        run(PYTHON, "-m", "venv", "--clear", tools)
        run(tools / "bin" / "pip", "install", "--quiet", "setuptools>=77", "Cython>=3.1", "wheel")
    shutil.rmtree(WORK / "wheel", ignore_errors=True)
    run(
        tools / "bin" / "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        WORK / "wheel",
        source,
    )
    (wheel,) = (WORK / "wheel").glob("*.whl")
    run(PYTHON, "-m", "venv", "--without-pip", inside)
    run(
        tools / "bin" / "pip",
        "--python",
        inside / "bin" / "python",
        "install",
        "--quiet",
        "--no-compile",
        f"{wheel}[all]",
    )
    relocate(inside, root)
    run(
        inside / "bin" / "python",
        "-m",
        "compileall",
        "-q",
        "-j",
        "2",
        "-s",
        root,
        "-p",
        "/",
        "--invalidation-mode",
        "unchecked-hash",
        inside,
    )


def relocate(inside: Path, root: Path) -> None:
    """Remove references to the build folder, and programs that the package does not use."""
    for path in (inside / "bin").iterdir():
        if path.name != "sensor" and not path.name.startswith("python"):
            path.unlink()
    for path in (inside / "bin" / "python", inside / "bin" / "python3"):
        path.unlink(missing_ok=True)
        path.symlink_to(PYTHON)
    script = inside / "bin" / "sensor"
    script.write_text(script.read_text().replace(str(root), "", 1))
    kept = [
        line
        for line in (inside / "pyvenv.cfg").read_text().splitlines()
        if not line.startswith(("command", "executable"))
    ]
    (inside / "pyvenv.cfg").write_text("\n".join(kept) + "\n")
    for name in ("include", "share"):
        shutil.rmtree(inside / name, ignore_errors=True)
    (inside / ".gitignore").unlink(missing_ok=True)
    (site,) = inside.glob("lib/python3*/site-packages")
    for path in site.glob("*.dist-info/direct_url.json"):
        path.unlink()
    # Not the libraries that wheels include in *.libs: auditwheel moved their headers, and strip may break them.
    run("strip", "--strip-unneeded", *(path for path in site.rglob("*.so") if not path.parent.name.endswith(".libs")))


def files(root: Path, source: Path) -> None:
    """Add all files outside the virtual environment."""
    python = root / PREFIX / "bin" / "python"
    for path in sorted((ROOT / "packaging" / "systemd").iterdir()):
        put(
            root / ("usr/lib/sysusers.d/sensor.conf" if path.name == "sysusers.conf" else f"{UNITS}/{path.name}"),
            path.read_bytes(),
        )
    put(root / "etc/sensor/sensor.yaml", output(python, "-I", "-c", DEFAULTS))
    (root / "etc/sensor/conf.d").mkdir()
    for shell, place in SHELLS.items():
        put(root / place, output(python, "-I", ROOT / "packaging" / "completions.py", shell))
    (root / "usr/bin").mkdir()
    (root / "usr/bin/sensor").symlink_to("../lib/sensor/bin/sensor")
    manuals(root, source)
    put(root / DOCUMENTS / "README.md", (source / "README.md").read_bytes())
    put(root / DOCUMENTS / "copyright", licences(root, source).encode())
    changes = (
        f"{NAME} ({version()}) unstable; urgency=medium\n\n  * Version {version()}.\n\n -- {MAINTAINER} "
        f" {formatdate(moment())}\n"
    )
    put(root / DOCUMENTS / "changelog.gz", gzip.compress(changes.encode(), mtime=0))


def manuals(root: Path, source: Path) -> None:
    """Generate the man pages from the parser and the model of the configuration."""
    if not (source / "docs" / "generate.py").exists():
        print("no man pages: docs/generate.py does not exist", file=sys.stderr)
        return
    made = WORK / "man"
    shutil.rmtree(made, ignore_errors=True)
    # In a copy without a folder `sensor` beside it, so that the packaged sensor is imported.
    shutil.copytree(source / "docs", made / "docs")
    run(root / PREFIX / "bin" / "python", "-m", "docs.generate", "--man", made / "pages", cwd=made)
    for path in (made / "pages").iterdir():
        put(
            root / "usr/share/man" / f"man{path.suffix[1:]}" / f"{path.name}.gz",
            gzip.compress(path.read_bytes(), mtime=0),
        )


def licences(root: Path, source: Path) -> str:
    """The license of the sensor, and the license that each dependency declares; their texts are in the environment."""
    lines = output(root / PREFIX / "bin" / "python", "-I", "-c", PARTS).decode().splitlines()
    parts = sorted(line.split("|") for line in lines if line.count("|") == 2 and not line.startswith(NAME))
    bundled = [f"{name} {number}: {licence[:60] or 'see its folder'}" for name, number, licence in parts]
    return "\n".join(
        [
            (source / "LICENSE").read_text(),
            f"/{PREFIX} also contains these packages, each with its license in its *.dist-info folder:",
            "",
            *bundled,
            "",
        ]
    )


def packed(root: Path) -> Path:
    """Write the package to dist/ and return its path."""
    paths = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    control = root / "DEBIAN"
    python, after = _python(), (_python()[0], _python()[1] + 1)
    text = (HERE / "control").read_text().format(
        version=version(), architecture=output("dpkg", "--print-architecture").decode().strip(), maintainer=MAINTAINER,
        libc=output("dpkg-query", "--show", "--showformat=${Version}", "libc6").decode().partition("-")[0],
        size=sum(path.stat().st_size for path in paths) // 1024, python="{}.{}".format(*python),
        next_python="{}.{}".format(*after),
    )  # fmt: skip
    put(control / "control", text.encode())
    put(control / "conffiles", b"/etc/sensor/sensor.yaml\n")
    sums = "".join(
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(root)}\n"
        for path in paths
    )
    put(control / "md5sums", sums.encode())
    for name in ("postinst", "prerm", "postrm"):
        put(control / name, (HERE / name).read_bytes(), 0o755)
    run(
        "find",
        root,
        "-type",
        "f",
        "!",
        "-path",
        f"{root}/{PREFIX}/bin/*",
        "!",
        "-path",
        f"{control}/*",
        "-exec",
        "chmod",
        "0644",
        "{}",
        "+",
    )
    run("find", root, "-type", "d", "-exec", "chmod", "0755", "{}", "+")
    made = ROOT / "dist"
    made.mkdir(exist_ok=True)
    printed = output("dpkg-deb", "--root-owner-group", "-Zzstd", "--build", root, made).decode()
    return made / Path(printed.split("'")[-2]).name


def version() -> str:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config["metadata"]["version"]


def _python() -> tuple[int, int]:
    """Major and minor version of the Python of Debian."""
    major, minor = output(PYTHON, "-c", "import sys; print(*sys.version_info[:2])").split()
    return int(major), int(minor)


def moment() -> float:
    """Unix time of the package: SOURCE_DATE_EPOCH (reproducible-builds.org), else now."""
    return float(os.environ.get("SOURCE_DATE_EPOCH") or time.time())


def put(path: Path, content: bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def run(*arguments: str | Path, cwd: Path = ROOT) -> None:
    """Run a program. Raises CalledProcessError if it fails."""
    subprocess.run(list(map(str, arguments)), check=True, cwd=cwd)


def output(*arguments: str | Path) -> bytes:
    return subprocess.run(list(map(str, arguments)), check=True, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    sys.exit(main())
