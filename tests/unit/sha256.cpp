#include <usage_stats.hpp>

#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include "process.hpp"

using usage_stats::detail::sha256;

TEST_CASE("sha256: the vectors of FIPS 180-4 (NIST)") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
               "mnopqrstnopqrstu") == "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  CHECK(sha256(std::string(1000000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256: every length about the edges of a block, against python") {
  const std::string script =
      "import hashlib\n"
      "for n in range(131): print(hashlib.sha256(bytes((7 * i + n) % 256 for i in range(n))).hexdigest())\n";
  std::istringstream digests(run({USAGE_STATS_PYTHON, {"-c", script}}).out);
  for (int length = 0; length <= 130; ++length) {
    std::string bytes;
    for (int i = 0; i < length; ++i) bytes += static_cast<char>(static_cast<unsigned char>((7 * i + length) % 256));
    std::string digest;
    digests >> digest;
    CAPTURE(length);
    CHECK(sha256(bytes) == digest);
  }
}

TEST_CASE("sha256: random numbers are hexadecimal, and never twice the same") {
  using usage_stats::detail::random_hex;
  CHECK(random_hex(16).size() == 32);
  CHECK(random_hex(16).find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(random_hex(16) != random_hex(16));
  CHECK(random_hex(0).empty());
  CHECK(random_hex(65).empty());
}
