#include <doctest/doctest.h>

#include <ctime>
#include <string>

#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

using nlohmann::json;

std::int64_t now() { return static_cast<std::int64_t>(std::time(nullptr)); }

}  // namespace

TEST_CASE("answers: 2xx is delivered") {
  for (const int status : {200, 201, 202, 204}) {
    CAPTURE(status);
    const Sandbox sandbox;
    CHECK(destination_after(sandbox, Answer{status}).is_null());
    CHECK(deliveries(sandbox).at(0)["result"] == "delivered");
    CHECK(state_of(sandbox)["sent"] == 1);
  }
}

TEST_CASE("answers: an otlp server that rejects spans with a 200 has refused; it is not asked again") {
  Server server([](const ReceivedRequest&) {
    return Answer{200, {}, R"({"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old"}})"};
  });
  const Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url(), {"--protocol", "otlp"}));
  CHECK(server.requests().size() == 1);
  CHECK(server.requests()[0].target == "/v1/usage/v1/traces");
  CHECK(sandbox.pending().empty());
  CHECK(deliveries(sandbox).at(0)["result"] == "refused");
  CHECK(deliveries(sandbox).at(0)["http_status"] == 200);
  CHECK(deliveries(sandbox).at(0)["detail"].get<std::string>().find("too old") != std::string::npos);
  CHECK(state_of(sandbox)["dropped"] == 1);
}

TEST_CASE("answers: 408, 425, 429 and 5xx are tried again later, not before a minute has passed") {
  for (const int status : {408, 425, 429, 500, 502, 503, 504}) {
    CAPTURE(status);
    const Sandbox sandbox;
    const std::int64_t start = now();
    const json destination = destination_after(sandbox, Answer{status});
    CHECK(destination["attempts"] == 1);
    CHECK(destination["not_before"] >= start + 60);
    CHECK(destination["not_before"] <= now() + 75);  // a quarter of jitter
    CHECK(deliveries(sandbox).at(0)["http_status"] == status);
    CHECK(state_of(sandbox)["failed"] == 1);
  }
}

TEST_CASE("answers: other 4xx are dropped and counted, and the next report says so") {
  for (const int status : {400, 401, 403, 404, 413, 422}) {
    CAPTURE(status);
    Server server(status);
    const Sandbox sandbox;
    sandbox.run("reporter", sending_to(server.url()));
    CHECK(sandbox.pending().empty());
    CHECK(deliveries(sandbox).at(0)["result"] == "refused");
    server.answer([](const ReceivedRequest&) { return Answer{}; });
    sandbox.run("reporter", sending_to(server.url()));
    REQUIRE(server.requests().size() == 2);
    CHECK(json::parse(server.requests()[1].body)["delivery"] == json({{"sent", 0}, {"failed", 0}, {"dropped", 1}}));
  }
}

TEST_CASE("answers: what a server says is shown without what a terminal would obey") {
  Server server([](const ReceivedRequest&) { return Answer{503, {}, "busy\x1b]0;mine\x07\x1b[2J\r\nnow\xc2\x9b"}; });
  Sandbox sandbox;
  sandbox.environment["USAGE_STATS_DEBUG"] = "1";
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.wait_for_no_uploader());
  const std::string detail = deliveries(sandbox).at(0)["detail"];
  CHECK(detail.find("busy") == 0);
  for (const std::string& text :
       {detail, read_file(sandbox.usage_folder() / "uploader.log"), run_usage_stats(sandbox, {"status"}).out,
        run_usage_stats(sandbox, {"show"}).out, run_usage_stats(sandbox, {"send"}).out}) {
    CAPTURE(text);
    CHECK(text.find_first_of("\x1b\x07\r") == text.npos);
    CHECK(text.find("\xc2\x9b") == text.npos);
  }
}

TEST_CASE("answers: 410 stops this version, and only this version") {
  Server server(410);
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(sandbox.pending().empty());
  CHECK(deliveries(sandbox).at(0)["result"] == "stopped");
  server.answer([](const ReceivedRequest&) { return Answer{}; });
  sandbox.run("reporter", sending_to(server.url()));
  CHECK(server.requests().size() == 1);
  CHECK(sandbox.report_files().size() == 2);  // the report stays here
  sandbox.run("reporter", sending_to(server.url(), {"--version", "1.2.4"}));
  CHECK(server.requests().size() == 2);
}

TEST_CASE("answers: 410 takes what waits of that version with it") {
  Server server(503);
  Sandbox sandbox;
  for (int i = 0; i < 2; ++i) sandbox.run("reporter", sending_to(server.url()));
  sandbox.run("reporter", sending_to(server.url(), {"--version", "1.2.4"}));
  make_due(sandbox);
  CHECK(sandbox.pending().size() == 3);
  server.answer([](const ReceivedRequest& request) {
    return Answer{request.header("User-Agent").find("1.2.3") == std::string::npos ? 200 : 410};
  });
  const std::size_t before = server.requests().size();
  sandbox.run("reporter", sending_to(server.url(), {"--version", "1.2.4"}));
  CHECK(sandbox.wait_for_no_uploader());
  CHECK(sandbox.pending().empty());
  CHECK(server.requests().size() == before + 3);  // one of the two old ones, and both new ones
}

TEST_CASE("answers: each of several servers gets the report once, whatever the others say") {
  Server good, bad(503);
  Sandbox sandbox;
  sandbox.run("reporter", sending_to(good.url(), {"--url", bad.url()}));
  CHECK(good.requests().size() == 1);
  CHECK(bad.requests().size() == 1);
  CHECK(waiting_envelope(sandbox)["destinations"].size() == 1);
  make_due(sandbox);
  bad.answer([](const ReceivedRequest&) { return Answer{}; });
  sandbox.run("reporter", sending_to(good.url()));  // waits for its own report; the older one comes behind it
  CHECK(good.requests().size() == 2);
  REQUIRE(bad.wait_for(2).size() == 2);
  CHECK(bad.requests()[0].body == good.requests()[0].body);
  CHECK(bad.requests()[1].body == good.requests()[0].body);
}
