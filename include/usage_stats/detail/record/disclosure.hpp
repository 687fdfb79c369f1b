#pragma once
// What has been disclosed to the user, and so how far a report may go. Anything beyond it is withheld until a short
// notice has named it; what has been disclosed continues to be reported.

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "../../fields.hpp"
#include "../../options.hpp"

USAGE_STATS_BEGIN_NAMESPACE
namespace detail {

namespace limits {
constexpr std::size_t disclosed_recipients = 32, disclosed_values = 256, disclosed_fields = 1000;
constexpr std::size_t disclosed_choices_bytes = 2048;  // a longer list of choices is stored as a digest
}  // namespace limits

struct DisclosedField {
  std::string kind;                  // empty: the state is from a version that stored only names
  std::string description;           // a digest
  std::vector<std::string> choices;  // as they are, or one digest of them all: "sha256:..."
};

/// What notices have disclosed, or what somebody who switched it on by hand is assumed to know: the union of all
/// notices, so that an older version after a newer one has nothing new. Initially empty.
struct Disclosed {
  USAGE_STATS_SPECIAL_MEMBERS(Disclosed, maps_move_quietly);

  std::vector<std::string> recipients;  // "json https://stats.example.org:443"
  ArgumentDetail arguments = ArgumentDetail::none;
  std::vector<std::string> argument_values;
  ErrorDetail errors = ErrorDetail::type;
  ClientId client_id = ClientId::session;
  bool hashed_id_only = true;  // Options::hash_client_id
  std::map<std::string, DisclosedField> fields;
  bool names_only = false;  // the state is from a version that stored only the fields' names
};

/// Who gets reports there, for comparison: protocol and origin. A different path on a known server is not a new
/// recipient.
std::string recipient_of(const Endpoint&);

/// Adds everything that these options ask for and the program declares, which is what a full notice discloses.
void disclose_all(std::optional<Disclosed>&, const Options&, const std::vector<Endpoint>& recipients);
/// What has been disclosed. A state from a version that stored only names does not say what its notice disclosed
/// otherwise: what the program asks for when this version first sees it is used instead.
Disclosed disclosed_before(const std::optional<Disclosed>&, const Options&, const std::vector<Endpoint>& recipients);

/// Something that no notice has named yet.
struct NewData {
  std::string name, text;                    // "size", "size: bytes that were copied"
  std::function<void(Disclosed&)> disclose;  // once it has been named
  bool withheld = true;                      // otherwise only its description is new, and it continues to be reported
};

/// What a run must withhold. Empty: the run may report everything it wants to.
struct Withheld {
  USAGE_STATS_SPECIAL_MEMBERS(Withheld, maps_move_quietly);

  std::vector<NewData> data;
  std::vector<Endpoint> endpoints;                          // they get nothing
  std::optional<Options> instead;                           // the options to use instead, if they ask for too much
  std::vector<std::string> fields;                          // declared names that are not recorded
  std::map<std::string, std::vector<std::string>> choices;  // for these fields, only the earlier choices are recorded

  bool from(const Endpoint&) const;
};

/// `named_by_author`: the endpoints that need to be disclosed; whoever named another one knows about it.
Withheld withheld_from(const Options&, const std::vector<Endpoint>& named_by_author, const Disclosed&);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
