"""Writes the templates of JSON files as C++: python3 make_templates.py OUT FILE..."""
import json
import sys

with open(sys.argv[1], "w", encoding="utf-8") as out:
    out.write("extern const char* const message_templates[];\nconst char* const message_templates[] = {\n")
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            for message in json.load(file):
                out.write("    " + json.dumps(message["template"], ensure_ascii=False) + ",\n")
    out.write("};\n")
