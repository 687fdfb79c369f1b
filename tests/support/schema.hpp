#pragma once
// Reports against docs/report.schema.json, by a real JSON Schema validator (python3-jsonschema).

#include <string>

/// What is wrong with the report's text, in words; empty if nothing is. Starts a process of some 150 ms; the reports
/// that a Sandbox collects are validated anyway.
std::string schema_problem(const std::string& report);
