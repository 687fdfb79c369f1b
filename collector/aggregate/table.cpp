#include "table.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

namespace collector {
namespace {

std::string csv_field(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return text_of(value);
  std::string field;
  if (!text->empty() && std::string("=+-@\t\r").find((*text)[0]) != std::string::npos) field = "'";
  field += *text;
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

}  // namespace

std::string text_of(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&value)) return nlohmann::json(*number).dump();
  return {};
}

Value share_of(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return {};
  return std::round(static_cast<double>(part) / static_cast<double>(whole) * 10000) / 10000;
}

std::string csv_of(const Table& table) {
  std::string text;
  for (std::size_t i = 0; i < table.columns.size(); ++i) text += (i == 0 ? "" : ",") + csv_field(table.columns[i]);
  text += "\r\n";
  for (const auto& row : table.rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += (i == 0 ? "" : ",") + csv_field(row[i]);
    text += line + "\r\n";
  }
  return text;
}

std::string json_of(const Table& table) {
  std::string text = "{\"columns\": " + nlohmann::json(table.columns).dump() + ", \"rows\": [";
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    nlohmann::json row = nlohmann::json::array();
    for (const Value& value : table.rows[r])
      std::visit(
          [&row](const auto& v) {
            if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::monostate>)
              row.push_back(nullptr);
            else
              row.push_back(v);
          },
          value);
    text += (r == 0 ? "\n  " : ",\n  ") + row.dump();
  }
  return text + (table.rows.empty() ? "]}\n" : "\n]}\n");
}

}  // namespace collector
