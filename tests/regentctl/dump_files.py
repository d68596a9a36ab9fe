# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files as regentctl dump writes them."""

import json


def write(path, namespaces):
    path.write_text(json.dumps({"regent-dump": 1, "namespaces": namespaces}))
    return str(path)


def numbers(n, first=0):
    return {f"key-{i:06d}": {"type": "u", "data": i} for i in range(first, first + n)}
