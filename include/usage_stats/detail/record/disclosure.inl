#pragma once

#include <algorithm>
#include <utility>

#include "disclosure.hpp"
#include "../base/sha256.hpp"
#include "redaction/scrub.hpp"
#include "../base/url.hpp"
#include "../base/json.inl"
#include "../base/protocol.inl"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

USAGE_STATS_DEFINE_SPECIAL_MEMBERS(Disclosed, maps_move_quietly);

USAGE_STATS_DEFINE_SPECIAL_MEMBERS(Withheld, maps_move_quietly);

namespace disclosure_impl {

using Words = std::vector<std::string>;

USAGE_STATS_INLINE bool contains(const Words& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// The oldest are removed to make room.
USAGE_STATS_INLINE void add(Words& list, const std::string& word, std::size_t most) {
  if (contains(list, word)) return;
  if (list.size() >= most) list.erase(list.begin());
  list.push_back(word);
}

USAGE_STATS_INLINE std::string clean(const std::string& text) { return clip_utf8(text, 256); }

USAGE_STATS_INLINE std::string short_digest(const std::string& text) { return sha256(text).substr(0, 16); }

USAGE_STATS_INLINE std::string digest_of(Words choices) {
  std::sort(choices.begin(), choices.end());
  std::string all;
  for (const std::string& choice : choices) all += std::to_string(choice.size()) + ":" + choice;
  return "sha256:" + short_digest(all);
}

USAGE_STATS_INLINE Words choices_of(const DictionaryEntry& entry) {
  Words choices;
  for (const std::string& choice : entry.choices) choices.push_back(clean(choice));
  return choices;
}

USAGE_STATS_INLINE DisclosedField field_of(const DictionaryEntry& entry) {
  DisclosedField field{kind_name(entry.kind), short_digest(entry.description), choices_of(entry)};
  std::size_t bytes = 0;
  for (const std::string& choice : field.choices) bytes += choice.size();
  if (bytes > limits::disclosed_choices_bytes) field.choices = {digest_of(std::move(field.choices))};
  return field;
}

/// The choices that are not in the disclosed list.
USAGE_STATS_INLINE Words new_choices(const DictionaryEntry& entry, const DisclosedField& so_far) {
  Words choices = choices_of(entry);
  if (contains(so_far.choices, digest_of(choices))) return {};
  choices.erase(std::remove_if(choices.begin(), choices.end(),
                               [&](const std::string& choice) { return contains(so_far.choices, choice); }),
                choices.end());
  return choices;
}

/// Nothing is removed for a field whose kind is the same: an older version may run again.
USAGE_STATS_INLINE void disclose(Disclosed& disclosed, const DictionaryEntry& entry) {
  const auto known = disclosed.fields.find(entry.name);
  if (known == disclosed.fields.end() && disclosed.fields.size() >= limits::disclosed_fields) return;
  DisclosedField field = field_of(entry);
  std::size_t bytes = 0;
  for (const std::string& choice : field.choices) bytes += choice.size();
  if (known != disclosed.fields.end() && known->second.kind == field.kind)
    for (const std::string& choice : known->second.choices)
      if (!contains(field.choices, choice) && (bytes += choice.size()) <= limits::disclosed_choices_bytes)
        field.choices.push_back(choice);
  disclosed.fields[entry.name] = std::move(field);
}

inline constexpr const char* detail_words[] = {"none", "names", "values"};
inline constexpr const char* error_words[] = {"type", "scrubbed"};
inline constexpr const char* id_words[] = {"session", "monthly", "install"};

template <class Enum, std::size_t Count>
Enum enum_of(const std::string& word, const char* const (&words)[Count]) noexcept {
  for (std::size_t i = 0; i < Count; ++i)
    if (word == words[i]) return static_cast<Enum>(i);
  return Enum{};  // the least
}

USAGE_STATS_INLINE void write(JsonWriter& json, const Disclosed& disclosed) {
  json.begin_object();
  put_list(json, "recipients", disclosed.recipients);
  json.key("arguments").text(detail_words[static_cast<int>(disclosed.arguments)]);
  put_list(json, "argument_values", disclosed.argument_values);
  json.key("errors").text(error_words[static_cast<int>(disclosed.errors)]);
  json.key("client_id").text(id_words[static_cast<int>(disclosed.client_id)]);
  json.key("hashed_id_only").flag(disclosed.hashed_id_only);
  if (disclosed.names_only) json.key("names_only").flag(true);
  json.key("fields").begin_object();
  for (const auto& [name, field] : disclosed.fields) {
    json.key(name).begin_object();
    json.key("kind").text(field.kind);
    json.key("description").text(field.description);
    if (!field.choices.empty()) put_list(json, "choices", field.choices);
    json.end_object();
  }
  json.end_object();
  json.end_object();
}

/// From a state.json, or from one that has only a list of names, "announced".
USAGE_STATS_INLINE std::optional<Disclosed> disclosed_of(const Json& state, bool notice_shown) {
  Disclosed disclosed;
  const Json* const json = member(state, "disclosed");
  if (json == nullptr || !json->is_object()) {
    const Words names = strings_member(state, "announced");
    if (!notice_shown && names.empty() && !boolean_member(state, "told")) return std::nullopt;
    for (const std::string& name : names)
      if (disclosed.fields.size() < limits::disclosed_fields) disclosed.fields[name];
    disclosed.names_only = true;
    return disclosed;
  }
  disclosed.recipients = strings_member(*json, "recipients");
  disclosed.arguments = enum_of<ArgumentDetail>(string_member(*json, "arguments"), detail_words);
  disclosed.argument_values = strings_member(*json, "argument_values");
  disclosed.errors = enum_of<ErrorDetail>(string_member(*json, "errors"), error_words);
  disclosed.client_id = enum_of<ClientId>(string_member(*json, "client_id"), id_words);
  const Json* const hashed = member(*json, "hashed_id_only");
  disclosed.hashed_id_only =
      hashed == nullptr || hashed->get<bool>() == nullptr || boolean_member(*json, "hashed_id_only");
  disclosed.names_only = boolean_member(*json, "names_only");
  if (const auto* const fields = object_member(*json, "fields"))
    for (const auto& [name, field] : *fields)
      if (disclosed.fields.size() < limits::disclosed_fields)
        disclosed.fields[name] = {string_member(field, "kind"), string_member(field, "description"),
                                  strings_member(field, "choices")};
  return disclosed;
}

/// Collects what goes beyond what has been disclosed.
struct Comparison {
  const Options& options;
  const Disclosed& so_far;
  Withheld withheld{};

  void found(std::string name, std::string text, std::function<void(Disclosed&)> disclose) {
    withheld.data.push_back({std::move(name), std::move(text), std::move(disclose), true});
  }
  /// The options used instead of the program's own.
  Options& instead() {
    if (!withheld.instead) withheld.instead = options;
    return *withheld.instead;
  }
  void look_at_recipients(const std::vector<Endpoint>& named_by_author);
  void look_at_arguments();
  void look_at_errors_and_id();
  void look_at_fields();
  void look_at_field(const DictionaryEntry&, const DisclosedField&);
};

USAGE_STATS_INLINE void Comparison::look_at_recipients(const std::vector<Endpoint>& named_by_author) {
  Words seen;
  for (const Endpoint& endpoint : named_by_author) {
    const std::string recipient = recipient_of(endpoint);
    if (contains(so_far.recipients, recipient)) continue;
    withheld.endpoints.push_back(endpoint);
    if (contains(seen, recipient)) continue;
    seen.push_back(recipient);
    const auto url = parse_url(endpoint.url);
    const bool usual_port = url && url->port == (url->scheme == "https" ? 443 : 80);
    const std::string host = url ? url->host : endpoint.url;
    found("to " + host,
          "to " + (usual_port ? url->scheme + "://" + host : recipient.substr(recipient.find(' ') + 1)) + " (" +
              protocol_name(endpoint.protocol) + ")",
          [recipient](Disclosed& now) { add(now.recipients, recipient, limits::disclosed_recipients); });
  }
}

USAGE_STATS_INLINE void Comparison::look_at_arguments() {
  if (options.arguments > so_far.arguments) {
    const ArgumentDetail wanted = options.arguments;
    found(wanted == ArgumentDetail::values ? "values of arguments" : "names of options",
          wanted == ArgumentDetail::values ? "the values of options and arguments"
                                           : "the names of the options that are given",
          [wanted](Disclosed& now) { now.arguments = (std::max)(now.arguments, wanted); });
    instead().arguments = so_far.arguments;
  }
  if (so_far.arguments == ArgumentDetail::values || options.arguments == ArgumentDetail::none) return;
  if (options.arguments == ArgumentDetail::values) {  // which covers the list, whatever is in it
    instead().argument_values = so_far.argument_values;
    return;
  }
  Words allowed;
  for (const std::string& value : options.argument_values) {
    const std::string name = clean(value);
    if (contains(so_far.argument_values, name)) {
      allowed.push_back(value);
      continue;
    }
    found("value of " + name, "the value of the option " + name,
          [name](Disclosed& now) { add(now.argument_values, name, limits::disclosed_values); });
  }
  if (allowed.size() != options.argument_values.size()) instead().argument_values = std::move(allowed);
}

USAGE_STATS_INLINE void Comparison::look_at_errors_and_id() {
  if (options.errors > so_far.errors) {
    found("error messages", "error messages, without their private parts",
          [](Disclosed& now) noexcept { now.errors = ErrorDetail::scrubbed; });
    instead().errors = so_far.errors;
  }
  if (options.client_id > so_far.client_id) {
    const ClientId wanted = options.client_id;
    found("a lasting id",
          std::string("a random id that stays the same ") +
              (wanted == ClientId::monthly ? "for a month" : "for this installation"),
          [wanted](Disclosed& now) { now.client_id = (std::max)(now.client_id, wanted); });
    instead().client_id = so_far.client_id;
  }
  if (so_far.hashed_id_only && !options.hash_client_id && options.client_id != ClientId::session) {
    found("the id itself", "the random id itself, so far only its hash",
          [](Disclosed& now) noexcept { now.hashed_id_only = false; });
    // An id that each run creates anew has nothing to hide behind its hash.
    if ((withheld.instead ? *withheld.instead : options).client_id != ClientId::session)
      instead().hash_client_id = true;
  }
}

USAGE_STATS_INLINE void Comparison::look_at_field(const DictionaryEntry& entry, const DisclosedField& known) {
  const std::string described = entry.name + ": " + entry.description;
  const auto disclose_it = [entry](Disclosed& now) { disclose(now, entry); };
  if (known.kind.empty()) return;
  if (known.kind != kind_name(entry.kind)) {
    found(entry.name, described + " (now " + kind_name(entry.kind) + ")", disclose_it);
    withheld.fields.push_back(entry.name);
  } else if (const Words added = new_choices(entry, known); !added.empty()) {
    std::string list;
    for (const std::string& choice : added) list += (list.empty() ? "" : ", ") + choice;
    found(entry.name, described + "; new: " + list, disclose_it);
    if (added.size() == entry.choices.size())
      withheld.fields.push_back(entry.name);  // a digest does not show which ones are old
    else
      withheld.choices[entry.name] = known.choices;
  } else if (known.description != short_digest(entry.description)) {
    found(entry.name, described, disclose_it);
    withheld.data.back().withheld = false;
  }
}

USAGE_STATS_INLINE void Comparison::look_at_fields() {
  std::size_t room = limits::disclosed_fields - (std::min)(so_far.fields.size(), limits::disclosed_fields);
  for (const DictionaryEntry& entry : dictionary()) {
    const auto known = so_far.fields.find(entry.name);
    if (known != so_far.fields.end()) {
      look_at_field(entry, known->second);
      continue;
    }
    withheld.fields.push_back(entry.name);
    if (room == 0) continue;  // it could not be stored, and would be named again and again
    --room;
    found(entry.name, entry.name + ": " + entry.description, [entry](Disclosed& now) { disclose(now, entry); });
  }
}

}  // namespace disclosure_impl

USAGE_STATS_INLINE std::string recipient_of(const Endpoint& endpoint) {
  const auto url = parse_url(endpoint.url);
  return std::string(protocol_name(endpoint.protocol)) + " " + (url ? url->origin() : endpoint.url);
}

USAGE_STATS_INLINE void disclose_all(std::optional<Disclosed>& so_far, const Options& options,
                                     const std::vector<Endpoint>& recipients) {
  using namespace disclosure_impl;
  if (!so_far) so_far.emplace();
  so_far->names_only = false;
  for (const Endpoint& endpoint : recipients)
    add(so_far->recipients, recipient_of(endpoint), limits::disclosed_recipients);
  so_far->arguments = (std::max)(so_far->arguments, options.arguments);
  for (const std::string& value : options.argument_values)
    add(so_far->argument_values, clean(value), limits::disclosed_values);
  so_far->errors = (std::max)(so_far->errors, options.errors);
  so_far->client_id = (std::max)(so_far->client_id, options.client_id);
  so_far->hashed_id_only = so_far->hashed_id_only && options.hash_client_id;
  for (const DictionaryEntry& entry : dictionary()) disclose(*so_far, entry);
}

USAGE_STATS_INLINE Disclosed disclosed_before(const std::optional<Disclosed>& so_far, const Options& options,
                                              const std::vector<Endpoint>& recipients) {
  if (!so_far || !so_far->names_only) return so_far.value_or(Disclosed());
  std::optional<Disclosed> all;
  disclose_all(all, options, recipients);
  for (auto field = all->fields.begin(); field != all->fields.end();)
    field = so_far->fields.count(field->first) == 0 ? all->fields.erase(field) : std::next(field);
  for (const auto& field : so_far->fields)
    all->fields.insert(field);  // from another version: whatever it is, it is known
  return *all;
}

USAGE_STATS_INLINE bool Withheld::from(const Endpoint& endpoint) const {
  return std::any_of(endpoints.begin(), endpoints.end(), [&](const Endpoint& other) {
    return other.url == endpoint.url && other.protocol == endpoint.protocol;
  });
}

USAGE_STATS_INLINE Withheld withheld_from(const Options& options, const std::vector<Endpoint>& named_by_author,
                                          const Disclosed& so_far) {
  disclosure_impl::Comparison comparison{options, so_far};
  comparison.look_at_recipients(named_by_author);
  comparison.look_at_arguments();
  comparison.look_at_errors_and_id();
  comparison.look_at_fields();
  return std::move(comparison.withheld);
}

}  // namespace detail
USAGE_STATS_END_NAMESPACE
