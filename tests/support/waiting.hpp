#pragma once
// What waits in a usage folder, and what became of it, according to its files.

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox.hpp"
#include "server.hpp"

/// Arguments of a reporter that sends to the URL, though nobody is at a terminal, and waits until that is done.
std::vector<std::string> sending_to(const std::string& url, const std::vector<std::string>& more = {});

/// What `reporter usage-stats WORD...` says; `options` are the reporter's own.
Result run_usage_stats(const Sandbox&, const std::vector<std::string>& words, std::vector<std::string> options = {});

/// state.json; empty if there is none.
nlohmann::json state_of(const Sandbox&, const std::string& app = "reporter");
void set_state(const Sandbox&, const nlohmann::json&, const std::string& app = "reporter");

/// What the only waiting envelope says.
nlohmann::json waiting_envelope(const Sandbox&);
void set_waiting_envelope(const Sandbox&, const nlohmann::json&);
/// A report of that session that waits to be sent to the URL, since so many seconds.
void put_waiting(const Sandbox&, const std::string& session, const std::string& url, std::int64_t age);
/// Removes back-off: everything that waits may be tried now.
void make_due(const Sandbox&, const std::string& app = "reporter");

/// One run against a server that gives this answer; returns what the waiting envelope says of its destination, or null.
nlohmann::json destination_after(const Sandbox&, const Answer&);

/// Every line of every delivery.json.
std::vector<nlohmann::json> deliveries(const Sandbox&);
