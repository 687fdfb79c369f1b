#pragma once

#include "client_id.hpp"
#include "../base/sha256.hpp"
#include "storage.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

USAGE_STATS_INLINE std::string client_id_of(const Options& options, const State& state) {
  std::string id;
  switch (options.client_id) {
    case ClientId::session:
      id = random_hex(16);
      break;
    case ClientId::monthly:
      // Knowing the ids of two months does not show that they belong together; the secret is never sent.
      if (!state.secret.empty())
        id = sha256(state.secret + " " + timestamp(std::chrono::system_clock::now()).substr(0, 7)).substr(0, 32);
      break;
    case ClientId::install:
      id = state.client_id;
      break;
  }
  return options.hash_client_id && !id.empty() ? sha256(id) : id;
}

USAGE_STATS_INLINE void make_client_id(const Options& options, State& state) {
  if (options.client_id == ClientId::install && state.client_id.empty()) state.client_id = random_hex(16);
  if (options.client_id == ClientId::monthly && state.secret.empty()) state.secret = random_hex(32);
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
