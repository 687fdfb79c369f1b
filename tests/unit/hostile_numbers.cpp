// Numbers beyond all limits in the files of the usage folder: they become sensible ones.
#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace us = usage_stats::detail;

namespace {

const std::string id(32, 'a');
const char* const far_numbers[] = {
    "18446744073709551615", "9223372036854775807", "-9223372036854775808", "9007199254740992", "1e300", "-1"};

}  // namespace

TEST_CASE("hostile numbers: an envelope's numbers stay where one can count on from them") {
  for (const std::string number : far_numbers) {
    CAPTURE(number);
    const auto envelope = us::parse_envelope(R"({"schema":"usage-stats-label/1","client_id":"local","session_id":")" +
                                             id + R"(","sequence":)" + number + R"(,"created":)" + number + "}\n{}\n" +
                                             R"({"signal":"SIGTERM","duration_ms":)" + number + "}\n");
    REQUIRE(envelope);
    CHECK(envelope->sequence == 1);
    CHECK_FALSE((envelope->duration && envelope->duration->count() < 0));
    CHECK(us::to_text(*us::parse_envelope(us::to_text(*envelope))) == us::to_text(*envelope));
  }
}

TEST_CASE("hostile numbers: a report of the last number there is closes as another one") {
  for (const std::string number : far_numbers) {
    CAPTURE(number);
    const auto closed =
        us::recover_report(R"({"schema":"usage-stats/1","session_id":"a","sequence":)" + number + R"(,"final":false})",
                           true, us::RunStatus::lost, "", std::nullopt);
    REQUIRE(closed);
    CHECK(nlohmann::json::parse(*closed)["sequence"].get<std::int64_t>() >= 0);
  }
}

TEST_CASE("hostile numbers: a state's counts go on from what is sensible") {
  for (const std::string number : far_numbers) {
    CAPTURE(number);
    const us::State state = us::parse_state(R"({"schema":"usage-stats-state/1","sent":)" + number + R"(,"dropped":)" +
                                            number + R"(,"backoff":{"u":{"failures":)" + number + "}}}");
    CHECK(state.sent == 0);
    CHECK(state.dropped == 0);
  }
}
