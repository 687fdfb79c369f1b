// JsonWriter writes what nlohmann/json's dump() would.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <usage_stats.hpp>

using usage_stats::detail::JsonWriter;
using Tree = nlohmann::ordered_json;

namespace {

std::mt19937_64 random_bits(1);

std::string random_text() {
  std::string text(random_bits() % 20, ' ');
  const std::uint64_t kind = random_bits() % 3;
  for (char& c : text)
    c = static_cast<char>(kind == 0 ? random_bits() : kind == 1 ? random_bits() % 128 : 0x80 + random_bits() % 0x80);
  return text;
}

/// The same random value in both.
void fill(JsonWriter& out, Tree& tree, int depth) {
  const std::uint64_t kind = random_bits() % (depth > 4 ? 6 : 8);
  if (kind == 0) return out.null(), static_cast<void>(tree = nullptr);
  if (kind == 1) return tree = (random_bits() & 1) != 0, out.flag(tree);
  if (kind == 2) return tree = static_cast<std::int64_t>(random_bits()) >> random_bits() % 64, out.integer(tree);
  if (kind == 3) return tree = random_bits() >> random_bits() % 64, out.positive(tree);
  if (kind == 4) return tree = static_cast<double>(random_bits() % 100000) / 1000.0, out.number(tree);
  if (kind == 5) {
    const std::string text = random_text();
    tree = text;
    return out.text(text);
  }
  const std::size_t size = random_bits() % 5;
  tree = kind == 6 ? Tree::object() : Tree::array();
  kind == 6 ? out.begin_object() : out.begin_list();
  for (std::size_t i = 0; i < size; ++i) {
    if (kind == 7) {
      tree.push_back(nullptr);
      fill(out, tree.back(), depth + 1);
    } else {
      const std::string name = std::to_string(i) + random_text();
      fill(out.key(name), tree[name], depth + 1);
    }
  }
  kind == 6 ? out.end_object() : out.end_list();
}

std::string number(double value) {
  JsonWriter out;
  out.number(value);
  return out.take();
}

}  // namespace

TEST_CASE("json writer: the bytes of dump()") {
  for (int i = 0; i < 20000; ++i) {
    const bool indented = (i & 1) != 0;
    JsonWriter out(indented);
    Tree tree;
    fill(out, tree, 0);
    REQUIRE(out.take() == tree.dump(indented ? 2 : -1, ' ', false, Tree::error_handler_t::replace));
  }
}

TEST_CASE("json writer: numbers as dump() has them, and read as what they were") {
  for (const double value : {0.0, -0.0, 1.0, -1.0, 3.2, 0.1, 1e-4, 1e-5, 1.5e-7, 123456789012345.0, 1e15, 1e16, 1.5e300,
                             1e100, 1.7976931348623157e308, 0.001, 12345.678, 100.0, 99.999})
    CHECK(number(value) == Tree(value).dump());
  CHECK(number(std::numeric_limits<double>::infinity()) == "null");
  CHECK(number(std::numeric_limits<double>::quiet_NaN()) == "null");
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bits = random_bits();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (value - value == 0.0) REQUIRE(Tree::parse(number(value)).get<double>() == value);
  }
}

TEST_CASE("json writer: what goes beyond its limit is not written, and it says so") {
  JsonWriter out(false, 100);
  out.begin_list();
  for (int i = 0; i < 1000; ++i) out.text(std::string(10, 'x'));
  out.end_list();
  CHECK(out.is_full());
  CHECK(out.take().size() < 3000);
}
