#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <optional>
#include <string>
#include <vector>

namespace us = usage_stats;

TEST_CASE("disclosed choices: of a list of choices too long to be remembered a digest is; then it is all or nothing") {
  std::vector<std::string> w;
  for (char c = 'a'; c < 'k'; ++c) w.emplace_back(250, c);
  const us::Options options("mytool", "1");
  std::optional<us::detail::Disclosed> disclosed;
  const auto c = [&](std::size_t i) { return w[i].c_str(); };
  {
    const us::Field<us::Choice> field{"long", "a long list", {c(0), c(1), c(2), c(3), c(4), c(5), c(6), c(7), c(8)}};
    us::detail::disclose_all(disclosed, options, {});
    CHECK(us::detail::withheld_from(options, {}, *disclosed).data.empty());
  }
  CHECK(disclosed->fields.at("long").choices.size() == 1);
  const us::Field<us::Choice> field{"long", "a long list", {c(0), c(1), c(2), c(3), c(4), c(5), c(6), c(7), c(9)}};
  const auto withheld = us::detail::withheld_from(options, {}, *disclosed);
  CHECK(withheld.fields == std::vector<std::string>{"long"});
  REQUIRE(withheld.data.size() == 1);
  withheld.data[0].disclose(*disclosed);
  CHECK(us::detail::withheld_from(options, {}, *disclosed).data.empty());
}
