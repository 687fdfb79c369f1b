#pragma once
// What the user has been told, and so how far a report may go. Whatever goes beyond it is withheld until a short notice
// has named it; what was told goes on as it was.

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
constexpr std::size_t disclosed_choices_bytes = 2048;  // a longer list of choices is remembered as a digest
}  // namespace limits

struct DisclosedField {
  std::string kind;                  // empty: the state is of a version that remembered names alone
  std::string description;           // a digest
  std::vector<std::string> choices;  // as they are, or one digest of them all: "sha256:..."
};

/// What a notice has said, or what somebody who switched it on by hand is taken to know: the union of all notices, so
/// that an older version after a newer one has nothing new. At first: nothing.
struct Disclosed {
  USAGE_STATS_SPECIAL_MEMBERS(Disclosed, maps_move_quietly);

  std::vector<std::string> recipients;  // "json https://stats.example.org:443"
  ArgumentDetail arguments = ArgumentDetail::none;
  std::vector<std::string> argument_values;
  ErrorDetail errors = ErrorDetail::type;
  ClientId client_id = ClientId::session;
  bool hashed_id_only = true;  // Options::hash_client_id
  std::map<std::string, DisclosedField> fields;
  bool names_only = false;  // the state is of a version that remembered the fields' names alone
};

/// Who gets reports there, for comparison: protocol and origin. Another path of a known server is no new recipient.
std::string recipient_of(const Endpoint&);

/// Adds all that these options ask for and the program declares: what a full notice tells.
void disclose_all(std::optional<Disclosed>&, const Options&, const std::vector<Endpoint>& recipients);
/// What was told. A state of the version that remembered names alone does not tell what its notice said of the rest:
/// what the program asks for when this version first sees it is taken for that.
Disclosed disclosed_before(const std::optional<Disclosed>&, const Options&, const std::vector<Endpoint>& recipients);

/// Something that no notice has named yet.
struct NewData {
  std::string name, text;                    // "size", "size: bytes that were copied"
  std::function<void(Disclosed&)> disclose;  // once it has been named
  bool withheld = true;                      // else only its description is new: it goes on meanwhile
};

/// What a run must do without. Empty: the run may report all that it wants to.
struct Withheld {
  USAGE_STATS_SPECIAL_MEMBERS(Withheld, maps_move_quietly);

  std::vector<NewData> data;
  std::vector<Endpoint> endpoints;                          // they get nothing
  std::optional<Options> instead;                           // the options that hold, where they ask for too much
  std::vector<std::string> fields;                          // declared names that are not recorded
  std::map<std::string, std::vector<std::string>> choices;  // of these fields only the choices of before are recorded

  bool from(const Endpoint&) const;
};

/// `named_by_author`: the endpoints that need to be disclosed; who named another one knows of it.
Withheld withheld_from(const Options&, const std::vector<Endpoint>& named_by_author, const Disclosed&);

}  // namespace detail
USAGE_STATS_END_NAMESPACE
