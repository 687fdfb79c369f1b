#pragma once

#include "status.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {
namespace command_impl {

USAGE_STATS_INLINE int reset(const Call& call) {
  const Options& options = call.options;
  Plan plan = plan_of(options);
  if (!plan.storage && !plan.problems.empty()) return fail(call, plan.problems.front());
  std::string id;
  const Options& reported = disclosed(options, plan);
  if (plan.storage && !shown_client_id(reported, *plan.state).empty()) {
    const std::error_code error = plan.storage->update_state([&](State& state) {
      state.client_id.clear();
      state.secret.clear();
      make_client_id(reported, state);
      id = client_id_of(reported, state);
    });
    if (error) return fail(call, os::path_bytes(plan.folder) + ": " + error.message());
  }
  if (call.json) {
    JsonWriter json(true);
    json.begin_object();
    id.empty() ? json.key("client_id").null() : json.key("client_id").text(id);
    json.end_object();
    print_json(json);
  } else if (!id.empty())
    print("Reports carry a new id from now on: " + id + "\n");
  else
    print(reported.client_id == ClientId::session ? "Each run has an id of its own: there is nothing to reset.\n"
                                                  : "There is no id yet: there is nothing to reset.\n");
  return done;
}

}  // namespace command_impl
}  // namespace detail
USAGE_STATS_END_NAMESPACE
