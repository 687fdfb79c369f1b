#include <doctest/doctest.h>

#include <sys/resource.h>

#include <atomic>
#include <stdexcept>
#include <string>

#include "relay.hpp"
#include "sandbox.hpp"
#include "server.hpp"
#include "waiting.hpp"

namespace {

// Each with httplib (where that has TLS; else it too sends by curl) and with curl.
const std::string senders[] = {"sender", "sender_curl"};

/// A certification authority of the test's own, made by openssl.
class Authority {
 public:
  struct Certificate {
    std::string file, key;
  };

  Authority() {
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=test CA",
             "-days", "2", "-keyout", path("ca.key"), "-out", file()});
    write_file(folder_ / "index", "");
    write_file(folder_ / "serial", "01\n");
    write_file(folder_ / "config",
               "[ca]\ndefault_ca = this\n[this]\ndatabase = " + path("index") + "\nserial = " + path("serial") +
                   "\nnew_certs_dir = " + folder_.path().string() +
                   "\ndefault_md = sha256\npolicy = any\nunique_subject = no\ncopy_extensions = copy\n"
                   "[any]\ncommonName = supplied\n");
  }
  std::string file() const { return path("ca.crt"); }

  /// For a host, until a time as openssl writes it: YYMMDDHHMMSSZ.
  Certificate certificate(const std::string& host, const std::string& until = "491231235959Z") const {
    const Certificate made{path(host + until + ".crt"), path(host + until + ".key")};
    const std::string request = path("request");
    openssl({"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + host,
             "-addext", "subjectAltName=DNS:" + host, "-keyout", made.key, "-out", request});
    openssl({"ca", "-batch", "-notext", "-config", path("config"), "-cert", file(), "-keyfile", path("ca.key"),
             "-startdate", "200101000000Z", "-enddate", until, "-in", request, "-out", made.file});
    return made;
  }

 private:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  static void openssl(std::vector<std::string> arguments) {
    Command command{"openssl", std::move(arguments)};
    command.inherit_environment = true;
    const Result result = run(command);
    if (result.exit_code != 0) throw std::runtime_error("openssl: " + result.err);
  }
  TemporaryFolder folder_;
};

struct SecureServer {
  Server server{};
  Relay relay;

  explicit SecureServer(const Authority::Certificate& certificate)
      : relay(Relay::tls(server.port(), certificate.file, certificate.key)) {}
  std::string url() const { return "https://localhost:" + std::to_string(relay.port()) + "/v1/usage"; }
  bool accepted_by(const std::string& sender, const std::string& trusted) const {
    Sandbox sandbox;
    if (!trusted.empty()) sandbox.environment["SSL_CERT_FILE"] = trusted;
    const std::string printed = sandbox.run(sender, {url(), "20000", "the body"}).out;
    const bool accepted = printed.find("status=200 ") == 0;
    if (!accepted) CHECK_MESSAGE(printed.find(sender == "sender" ? "SSL" : "TLS") != std::string::npos, printed);
    CHECK_MESSAGE(accepted == !server.requests().empty(), printed);
    return accepted;
  }
};

}  // namespace

TEST_CASE("tls: a certificate of an authority that the system trusts is accepted") {
  const Authority authority;
  for (const std::string& sender : senders) {
    CAPTURE(sender);
    SecureServer server(authority.certificate("localhost"));
    CHECK(server.accepted_by(sender, authority.file()));
    CHECK(server.relay.log().find("asked for localhost") != std::string::npos);
  }
}

TEST_CASE("tls: an unknown authority, another host's certificate and an old one are refused, and nothing is sent") {
  const Authority authority, other;
  for (const std::string& sender : senders) {
    CAPTURE(sender);
    CHECK_FALSE(SecureServer(other.certificate("localhost")).accepted_by(sender, authority.file()));
    CHECK_FALSE(SecureServer(other.certificate("localhost")).accepted_by(sender, ""));
    CHECK_FALSE(SecureServer(authority.certificate("example.org")).accepted_by(sender, authority.file()));
    CHECK_FALSE(
        SecureServer(authority.certificate("localhost", "210101000000Z")).accepted_by(sender, authority.file()));
  }
}

TEST_CASE("tls: a redirect to plain http is not followed, be it on the same host") {
  const Authority authority;
  for (const std::string& sender : senders)
    for (const int status : {302, 307, 308}) {
      CAPTURE(sender);
      CAPTURE(status);
      SecureServer server(authority.certificate("localhost"));
      const std::string plain = "http://localhost:" + std::to_string(server.server.port()) + "/elsewhere";
      server.server.answer([&](const ReceivedRequest& request) {
        return Answer{request.target == "/elsewhere" ? 200 : status, {{"Location", plain}}};
      });
      Sandbox sandbox;
      sandbox.environment["SSL_CERT_FILE"] = authority.file();
      const std::string printed = sandbox.run(sender, {server.url(), "20000", "the body"}).out;
      CHECK(printed.find("status=" + std::to_string(status) + " ") == 0);
      CHECK(server.server.requests().size() == 1);
    }
}

TEST_CASE("tls: a whole run, by httplib and by curl") {
  const Authority authority;
  for (const char* const reporter : {"reporter", "reporter_curl"}) {
    CAPTURE(std::string(reporter));
    SecureServer server(authority.certificate("localhost"));
    Sandbox sandbox;
    sandbox.environment["SSL_CERT_FILE"] = authority.file();
    sandbox.run(reporter, sending_to(server.url()));
    REQUIRE(server.server.requests().size() == 1);
    CHECK(server.server.requests()[0].body == read_file(sandbox.report_files().at(0)));
  }
}

TEST_CASE("tls: through a proxy's tunnel the certificate is checked as well") {
  const Authority authority, other;
  for (const std::string& sender : senders)
    for (const bool trusted : {true, false}) {
      CAPTURE(sender);
      CAPTURE(trusted);
      SecureServer server((trusted ? authority : other).certificate("telemetry.invalid"));
      const Relay proxy = Relay::proxy(server.relay.port());
      Sandbox sandbox;
      sandbox.environment["SSL_CERT_FILE"] = authority.file();
      sandbox.environment["HTTPS_PROXY"] = "http://127.0.0.1:" + std::to_string(proxy.port());
      const Result result = sandbox.run(sender, {"https://telemetry.invalid/v1/usage", "20000", "the body"});
      CHECK((result.out.find("status=200 ") == 0) == trusted);
      CHECK(server.server.requests().empty() != trusted);
      CHECK(proxy.log() == "CONNECT telemetry.invalid:443 HTTP/1.1\n");
    }
}

TEST_CASE("tls: what comes is bounded inside of it too, and interim answers are passed over") {
  const Authority authority;
  const auto certificate = authority.certificate("localhost");
  const std::string ok = "HTTP/1.1 200 ", endless(4 * 1024 * 1024, 'A'), end = "\r\nContent-Length: 0\r\n\r\n";
  struct Case {
    std::string answer;
    int status;
  };
  for (const std::string& sender : senders)
    for (const Case& item :
         {Case{ok + "OK" + end, 200}, Case{ok + std::string(28000, 'A') + end, 200}, Case{ok + endless, 0},
          Case{ok + "OK\r\nX: " + endless, 0}, Case{ok + "OK\r\nTransfer-Encoding: chunked\r\n\r\n2;" + endless, 200},
          Case{"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created" + end, 201}}) {
      CAPTURE(sender);
      CAPTURE(item.answer.substr(0, 80));
      RawServer server([&](const std::string&) { return item.answer; });
      const Relay relay = Relay::tls(server.port(), certificate.file, certificate.key);
      Sandbox sandbox;
      sandbox.environment["SSL_CERT_FILE"] = authority.file();
      Command command =
          sandbox.command(sender, {"https://localhost:" + std::to_string(relay.port()) + "/", "20000", "b"});
      command.limits = {{RLIMIT_STACK, 128 * 1024}};
      const Result result = run(command);
      CHECK(result.exit_code == 0);
      CHECK(result.out.find("status=" + std::to_string(item.status) + " ") == 0);
#if !defined(USAGE_STATS_SANITIZED)
      CHECK(std::stol(result.out.substr(result.out.find("peak_kib=") + 9)) < 64 * 1024);
#endif
    }
}

TEST_CASE("tls: an answer that nobody asked for is not taken for the next request's") {
  const Authority authority;
  const auto certificate = authority.certificate("localhost");
  const std::string length = "\r\nContent-Length: 0\r\n\r\n";
  for (const std::string& second : {"HTTP/1.1 410 Gone" + length, "HTTP/1.1 200 OK" + length}) {
    CAPTURE(second);
    std::atomic<int> requests{0};
    RawServer server([&](const std::string&) {
      RawAnswer answer("HTTP/1.1 202 Accepted" + length);
      if (++requests == 1) answer = RawAnswer("HTTP/1.1 201 Created" + length + second);
      answer.keep = true;
      return answer;
    });
    const Relay relay = Relay::tls(server.port(), certificate.file, certificate.key);
    Sandbox sandbox;
    sandbox.environment["SSL_CERT_FILE"] = authority.file();
    const std::string url = "https://localhost:" + std::to_string(relay.port()) + "/";
    CHECK(sandbox.run("sender", {url, "20000", "--times", "2", "b"}).out.find("status=202 ") == 0);
  }
}

TEST_CASE("tls: without TLS in httplib and without curl the report waits, and says why") {
  const SilentPort port(SilentPort::Behaviour::refuses);
  Sandbox sandbox;
  sandbox.environment["PATH"] = sandbox.root().string();
  const std::string url = "https://localhost:" + std::to_string(port.port()) + "/";
  CHECK(sandbox.run("reporter_curl", sending_to(url)).exit_code == 0);
  CHECK(deliveries(sandbox).at(0)["detail"].get<std::string>().find("no curl") != std::string::npos);
  CHECK(waiting_envelope(sandbox)["destinations"][0]["attempts"] == 0);  // nothing was tried
}
