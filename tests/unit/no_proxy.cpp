#include <doctest/doctest.h>

#include <usage_stats.hpp>

#include <string>

#include "own_environment.hpp"

TEST_CASE("no proxy: NO_PROXY names hosts, domains, addresses and networks that are reached directly") {
  struct Case {
    std::string list, host;
    bool direct;
  };
  for (const Case& item : {Case{"*", "stats.example.org", true},
                           Case{"example.org", "stats.example.org", true},
                           Case{".example.org", "stats.example.org", true},
                           Case{"a.org b.org stats.example.org", "stats.example.org", true},
                           Case{"a.org,\tstats.example.org.", "STATS.example.org", true},
                           Case{"a.org ,  example.org ,", "stats.example.org", true},
                           Case{"", "stats.example.org", false},
                           Case{" , ,,", "stats.example.org", false},
                           Case{"ample.org", "stats.example.org", false},
                           Case{"stats.example.org.uk", "stats.example.org", false},
                           Case{"10.1.2.3", "10.1.2.3", true},
                           Case{"1.2.3", "10.1.2.3", false},
                           Case{"10.0.0.0/8", "10.1.2.3", true},
                           Case{"192.168.0.0/16 10.1.2.0/31", "10.1.2.3", false},
                           Case{"10.1.2.2/31", "10.1.2.3", true},
                           Case{"0.0.0.0/0", "10.1.2.3", true},
                           Case{"10.0.0.0/33", "10.1.2.3", false},
                           Case{"10.0.0.0/", "10.1.2.3", false},
                           Case{"10.0.0.0/8", "10.example.org", false},
                           Case{"fd00::/8", "fd12:3456::1", true},
                           Case{"fd00::/8", "fe80::1", false},
                           Case{"[fe80::1]", "fe80:0:0:0::1", true}}) {
    CAPTURE(item.list);
    CAPTURE(item.host);
    const OwnEnvironment environment({{"HTTP_PROXY", "http://proxy:3128"}, {"NO_PROXY", item.list}});
    CHECK(usage_stats::detail::proxy_for("http", item.host).empty() == item.direct);
  }
}
