#pragma once
// What waits in a usage folder, and what became of it, as the files tell.

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "sandbox.hpp"

/// Arguments of a reporter that sends to the URL, though nobody is at a terminal, and waits until that is done.
std::vector<std::string> sending_to(const std::string& url, const std::vector<std::string>& more = {});

/// state.json; empty if there is none.
nlohmann::json state_of(const Sandbox&);
void set_state(const Sandbox&, const nlohmann::json&);

/// What the only waiting label says.
nlohmann::json waiting_label(const Sandbox&);
void set_waiting_label(const Sandbox&, const nlohmann::json&);
/// Takes back-off away: all that waits may be tried now.
void make_due(const Sandbox&);

/// Every line of every delivery.json.
std::vector<nlohmann::json> deliveries(const Sandbox&);
