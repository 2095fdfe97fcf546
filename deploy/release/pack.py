#!/usr/bin/env python3
"""Archives whose bytes depend only on the files and SOURCE_DATE_EPOCH.

Usage: pack.py tar|zip DIR FILE      DIR's own name is the top directory
       pack.py sbom FILE FILE        CycloneDX with that time instead of now
"""
import datetime
import gzip
import json
import os
import sys
import tarfile
import zipfile

EPOCH = int(os.environ["SOURCE_DATE_EPOCH"])


def files(top):
    """Yields (path, name in the archive, mode) in a fixed order."""
    parent = os.path.dirname(top)
    found = []
    for folder, _, names in os.walk(top):
        found += [os.path.join(folder, name) for name in names]
    for path in sorted(found):
        yield path, os.path.relpath(path, parent), 0o755 if os.access(path, os.X_OK) else 0o644


def tar(top, out):
    with open(out, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, EPOCH) as packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, name, mode in files(top):
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = os.path.getsize(path), mode, EPOCH
            with open(path, "rb") as f:
                archive.addfile(info, f)


def pack_zip(top, out):
    when = datetime.datetime.fromtimestamp(max(EPOCH, 315532800), datetime.timezone.utc).timetuple()[:6]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, name, mode in files(top):
            info = zipfile.ZipInfo(name.replace(os.sep, "/"), when)
            info.external_attr, info.compress_type, info.create_system = (0o100000 | mode) << 16, zipfile.ZIP_DEFLATED, 3
            with open(path, "rb") as f:
                archive.writestr(info, f.read(), compresslevel=9)


def sbom(source, out):
    with open(source) as f:
        bom = json.load(f)
    bom["metadata"]["timestamp"] = datetime.datetime.fromtimestamp(EPOCH, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    bom["metadata"].pop("tools", None)
    with open(out, "w") as f:
        json.dump(bom, f, indent=1, sort_keys=True)


what, source, target = sys.argv[1:]
{"tar": tar, "zip": pack_zip, "sbom": sbom}[what](os.path.abspath(source), target)
