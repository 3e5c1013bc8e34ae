"""Which files a Python needs in the guest: copies its library there, with compiled files that are
valid whatever their times, and prints the binaries that need libraries, ended by NUL.

    python3 python.py ROOT SCRIPT...

Run by the interpreter in question. All modules that the scripts import come along, found by
their import statements, and those that scripts with sockets mostly need.
"""
import ast
import importlib.machinery
import importlib.util
import os
import shutil
import struct
import sys
import sysconfig

USUAL = """
    abc argparse array asyncio base64 binascii bisect codecs collections concurrent contextlib copy
    csv ctypes dataclasses datetime decimal enum errno fcntl fractions functools getopt glob hashlib
    heapq hmac importlib inspect io ipaddress itertools json keyword linecache locale logging math
    mmap multiprocessing numbers operator os pathlib pickle platform pprint queue random re
    resource runpy secrets select selectors shlex shutil signal site socket socketserver ssl stat
    statistics string stringprep struct subprocess sys tempfile textwrap threading time timeit
    traceback types typing unicodedata unittest urllib uuid warnings weakref zlib
    encodings encodings.idna encodings.ascii encodings.latin_1 encodings.utf_8 encodings.hex_codec
""".split()
# Packages with a `test` of megabytes, or useless there.
LEAVE = {"test", "tests", "idle_test", "__pycache__", "site-packages", "dist-packages"}


class Guest:
    def __init__(self, root):
        self.root = root
        self.done = set()
        self.binaries = []

    def place(self, path):
        to = self.root + os.path.abspath(path)
        os.makedirs(os.path.dirname(to), exist_ok=True)
        return to

    def add(self, path):
        path = os.path.abspath(path)
        if path in self.done or not os.path.isfile(path):
            return
        self.done.add(path)
        if is_elf(path):
            self.binaries.append(path)
            return
        shutil.copyfile(path, self.place(path))
        if path.endswith(".py"):
            self.add_compiled(path)

    def add_compiled(self, path):
        """Marked as not to be checked, for the guest's file times are not the host's."""
        cached = importlib.util.cache_from_source(path)
        code = valid_code(path, cached) or compiled_code(path)
        if code is not None:
            with open(self.place(cached), "wb") as out:
                out.write(importlib.util.MAGIC_NUMBER + struct.pack("<LQ", 1, 0) + code)

    def add_package(self, folder):
        for base, folders, files in os.walk(folder):
            folders[:] = sorted(f for f in folders if f not in LEAVE)
            for name in sorted(files):
                if name.endswith((".py", ".so", ".json", ".pem")):
                    self.add(os.path.join(base, name))


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def valid_code(path, cached):
    """What the host's interpreter would take from its own cache."""
    try:
        with open(cached, "rb") as file:
            magic, flags, mtime, size = struct.unpack("<4sLLL", file.read(16))
            at = os.stat(path)
            fresh = mtime == int(at.st_mtime) & 0xFFFFFFFF and size == at.st_size & 0xFFFFFFFF
            if magic == importlib.util.MAGIC_NUMBER and (flags == 1 or flags == 0 and fresh):
                return file.read()
    except (OSError, struct.error):
        pass
    return None


def compiled_code(path):
    try:
        with open(path, "rb") as file:
            code = importlib.machinery.SourceFileLoader("m", path).source_to_code(file.read(), path)
        return importlib._bootstrap_external._code_to_timestamp_pyc(code)[16:]
    except (OSError, SyntaxError, ValueError):
        return None


def imported(path):
    """The first words of what it imports."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return set()
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def is_installed(path):
    """Part of the interpreter's own library, whose needs are known by importing."""
    library = sysconfig.get_path("stdlib")
    return path.startswith(library) and not LEAVE & set(path[len(library):].split("/"))


class Modules:
    """Follows imports: the library's by importing them, others by reading them."""

    def __init__(self, guest):
        self.guest = guest
        self.seen = set()

    def add_script(self, path):
        path = os.path.abspath(path)
        where = [os.path.dirname(path)] + sys.path[1:]
        for name in sorted(imported(path)):
            self.add_name(name, where)

    def add_name(self, name, where):
        if name in self.seen:
            return
        self.seen.add(name)
        if name in sys.builtin_module_names or name in sys.stdlib_module_names:
            import_quietly(name)
            return
        spec = importlib.machinery.PathFinder.find_spec(name, where)
        if spec is None:
            return
        for folder in spec.submodule_search_locations or []:
            self.guest.add_package(folder)
            for base, _, files in os.walk(folder):
                for file in files:
                    if file.endswith(".py"):
                        self.add_script(os.path.join(base, file))
        if spec.origin and spec.has_location:
            self.guest.add(spec.origin)
            self.add_script(spec.origin)

    def add_imported(self):
        """The library as it is in this process now; packages whole."""
        packages = set()
        for name, module in sorted(sys.modules.items()):
            path = getattr(module, "__file__", None)
            if path is None or not is_installed(path):
                continue
            top = name.split(".")[0]
            if top not in packages and top != "encodings" and hasattr(sys.modules[top], "__path__"):
                packages.add(top)
                self.guest.add_package(os.path.dirname(sys.modules[top].__file__))
            self.guest.add(path)


def import_quietly(name):
    try:
        importlib.import_module(name)
    except Exception:  # not built, or not for this system
        pass


def main():
    out, sys.stdout = sys.stdout, sys.stderr  # what is imported may print
    guest = Guest(sys.argv[1])
    modules = Modules(guest)
    for script in sys.argv[2:]:
        modules.add_script(script)
    for name in USUAL:
        import_quietly(name)
    modules.add_imported()
    guest.add(sys.executable)
    if sys.prefix != sys.base_prefix:
        guest.add(os.path.join(sys.prefix, "pyvenv.cfg"))
        guest.add(getattr(sys, "_base_executable", sys.executable))
    os.makedirs(guest.root + sysconfig.get_config_var("DESTSHARED"), exist_ok=True)
    out.write("".join(path + "\0" for path in guest.binaries))


main()
