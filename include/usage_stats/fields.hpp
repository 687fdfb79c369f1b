#pragma once
/// @file
/// What may be collected. A value can be recorded only through one of these declarations; together they are the data
/// dictionary that `usage-stats describe` prints. Declare them at namespace scope, with string literals:
///
///     static const usage_stats::Field<double> throughput{"throughput_gbps", "average transfer speed, Gbit/s"};
///
/// A name is `[a-z][a-z0-9_.]{0,63}` and means one thing in a program. The description is for the user to read; for a
/// number, include the unit. With a bad name, an empty description or one name for two things, every session is inert
/// and TelemetrySession::problem() says so.

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "macros.hpp"

USAGE_STATS_BEGIN_NAMESPACE

/// A value from a fixed list of words; any other value is recorded as "other". As in Field<Choice>.
struct Choice {};

/// A value recorded as its SHA-256, salted with the client id (64 hexadecimal digits): receivers see which values of an
/// installation are equal, but not the values. As in Field<Hashed>.
struct Hashed {};

/// A text, recorded with only those words that the program or its libraries contain, 256 bytes at most. As in
/// Field<Text>.
struct Text {};

namespace detail {

enum class Kind { boolean, integer, number, choice, hashed, text, counter, event, stage };

/// One entry of the data dictionary. Registers itself; the strings must outlive it. Not copyable.
class Declaration {
 public:
  Declaration(const Declaration&) = delete;
  Declaration& operator=(const Declaration&) = delete;

  const char* name() const noexcept { return name_; }
  const char* description() const noexcept { return description_; }
  Kind kind() const noexcept { return kind_; }
  const std::vector<const char*>& choices() const noexcept { return choices_; }

 protected:
  Declaration(Kind, const char* name, const char* description,
              std::initializer_list<const char*> choices = {}) noexcept;
  ~Declaration();  // a plugin's declarations disappear with it

 private:
  friend struct Dictionary;
  Kind kind_;
  const char* name_;
  const char* description_;
  std::vector<const char*> choices_;
  Declaration* next_ = nullptr;
};

class Recorder;

/// A copy of one declaration, independent of its lifetime.
struct DictionaryEntry {
  Kind kind;
  std::string name, description;
  std::vector<std::string> choices;
};

/// All declarations of the program, sorted by name, each once.
std::vector<DictionaryEntry> dictionary();

/// The first mistake in the declarations, in words; empty if there is none.
std::string problem_with_declarations();

/// "boolean", "integer", "number", "choice", "hashed", "text", "counter", "event" or "stage".
const char* kind_name(Kind) noexcept;

using RawValue = std::variant<bool, std::int64_t, double, std::string_view>;

inline std::string_view text_view(std::string_view text) noexcept { return text; }
inline std::string_view text_view(const char* text) noexcept {
  return text == nullptr ? std::string_view() : std::string_view(text);
}
inline std::string_view text_view(const std::string& text) noexcept { return text; }

template <class T>
struct FieldType {
  static_assert(!std::is_same_v<T, T>, "Field<T>: T is bool, std::int64_t, double, Choice, Hashed or Text");
};

template <>
struct FieldType<bool> {
  static constexpr Kind kind = Kind::boolean;
  template <class V>
  static RawValue raw(const V& value) noexcept {
    static_assert(std::is_same_v<V, bool>, "a Field<bool> takes a bool");
    return value;
  }
};

template <>
struct FieldType<std::int64_t> {
  static constexpr Kind kind = Kind::integer;
  template <class V>
  static RawValue raw(const V& value) noexcept {
    static_assert(std::is_integral_v<V> && !std::is_same_v<V, bool>, "a Field<std::int64_t> takes an integer");
    constexpr std::int64_t largest = (std::numeric_limits<std::int64_t>::max)();
    if constexpr (std::is_unsigned_v<V>)
      return value > static_cast<std::uint64_t>(largest) ? largest : static_cast<std::int64_t>(value);
    else
      return static_cast<std::int64_t>(value);
  }
};

template <>
struct FieldType<double> {
  static constexpr Kind kind = Kind::number;
  template <class V>
  static RawValue raw(const V& value) noexcept {
    static_assert(std::is_arithmetic_v<V> && !std::is_same_v<V, bool>, "a Field<double> takes a number");
    return static_cast<double>(value);
  }
};

template <Kind K>
struct TextFieldType {
  static constexpr Kind kind = K;
  template <class V>
  static RawValue raw(const V& value) noexcept {
    static_assert(std::is_convertible_v<const V&, std::string_view>, "this field takes text");
    return text_view(value);
  }
};
template <>
struct FieldType<Choice> : TextFieldType<Kind::choice> {};
template <>
struct FieldType<Hashed> : TextFieldType<Kind::hashed> {};
template <>
struct FieldType<Text> : TextFieldType<Kind::text> {};

}  // namespace detail

template <class T>
class Field;

/// A field with its value, as TelemetrySession::record takes them: `{model_size, 1048576}` or `model_size(1048576)`.
/// Refers to the field and to text that is passed in: use it within the full expression that creates it.
class FieldValue {
 public:
  /// The field and its value; does not compile if the field's type does not accept the value.
  template <class T, class V>
  FieldValue(const Field<T>& field, const V& value) noexcept
      : field_(field), raw_(detail::FieldType<T>::raw(static_cast<const std::decay_t<const V>&>(value))) {}

  /// The declaration of the field.
  const detail::Declaration& field() const noexcept { return field_; }
  /// The value before redaction.
  const detail::RawValue& raw() const noexcept { return raw_; }

 private:
  const detail::Declaration& field_;
  detail::RawValue raw_;
};

/// A value of a run, an event or a stage. T: bool, std::int64_t (takes any integer; one that is too large becomes the
/// largest), double (NaN and infinity are left out), Choice, Hashed or Text.
template <class T>
class Field : public detail::Declaration {
 public:
  /// Both strings must outlive the field.
  Field(const char* name, const char* description) noexcept
      : Declaration(detail::FieldType<T>::kind, name, description) {}
  /// The field with a value.
  template <class V>
  FieldValue operator()(const V& value) const noexcept {
    return FieldValue(*this, value);
  }
};

/// A value from a fixed list: `Field<Choice>{"format", "format of the input file", {"cool", "mcool", "hic"}}`.
template <>
class Field<Choice> : public detail::Declaration {
 public:
  /// 1 to 256 choices of at most 256 bytes each, compared byte for byte. All strings must outlive the field.
  Field(const char* name, const char* description, std::initializer_list<const char*> choices) noexcept
      : Declaration(detail::Kind::choice, name, description, choices) {}
  /// The field with a value.
  template <class V>
  FieldValue operator()(const V& value) const noexcept {
    return FieldValue(*this, value);
  }
};

/// Something that is counted over a run. The count only grows, up to the largest std::int64_t.
class Counter : public detail::Declaration {
 public:
  /// Both strings must outlive the counter.
  Counter(const char* name, const char* description) noexcept : Declaration(detail::Kind::counter, name, description) {}

 private:
  friend class detail::Recorder;
  mutable std::atomic<std::uint64_t> place_{0};  // where the recorder that last used it counts it
};

/// Something that happens at one moment of a run. Recorded in seconds since the start.
class Event : public detail::Declaration {
 public:
  /// Both strings must outlive the event.
  Event(const char* name, const char* description) noexcept : Declaration(detail::Kind::event, name, description) {}
};

/// A part of a run that has a duration and can fail. Recorded in seconds.
class Stage : public detail::Declaration {
 public:
  /// Both strings must outlive the stage.
  Stage(const char* name, const char* description) noexcept : Declaration(detail::Kind::stage, name, description) {}
};

USAGE_STATS_END_NAMESPACE
