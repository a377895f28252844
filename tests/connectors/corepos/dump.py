"""Rows out of a dump of MariaDB's, without a server."""

from __future__ import annotations

import re

_VALUE = re.compile(r"'((?:[^'\\]|\\.|'')*)'|([^,']+)")
_ROW = re.compile(r"\(((?:'(?:[^'\\]|\\.|'')*'|[^'()])*)\)")


def rows_of(sql: str, table: str) -> list[dict[str, str | None]]:
    """Return the rows of a table; every value as text, NULL as None."""
    definition = re.search(rf"CREATE TABLE `{table}` \((.*?)\n\)", sql, re.DOTALL)
    assert definition is not None
    columns = re.findall(r"^  `(\w+)`", definition[1], re.MULTILINE)
    found = []
    for values in re.finditer(rf"INSERT INTO `{table}` VALUES\n?(.*?);\n", sql, re.DOTALL):
        for row in _ROW.finditer(values[1]):
            cells = [_plain(*cell) for cell in _VALUE.findall(row[1])]
            found.append(dict(zip(columns, cells, strict=True)))
    return found


def _plain(quoted: str, bare: str) -> str | None:
    if bare:
        return None if bare == "NULL" else bare
    return re.sub(r"\\(.)", r"\1", quoted).replace("''", "'")
