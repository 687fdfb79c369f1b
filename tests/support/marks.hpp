#pragma once
// Random marks for whatever a program has that is private: none may be seen in anything that is written or sent.

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>

using Random = std::mt19937_64;

inline std::string pick(Random& random, const std::string& alphabet, std::size_t length) {
  std::string text;
  while (text.size() < length) text += alphabet[random() % alphabet.size()];
  return text;
}

/// A mark of at least 8 bytes that no ordinary word contains.
inline std::string mark(Random& random) {
  const std::string consonants = "bcdfghjkmpqrvwxz", letters = "abcdefghijklmnopqrstuvwxyz", digits = "0123456789";
  switch (random() % 7) {
    case 0:
      return pick(random, consonants, 8 + random() % 8);
    case 1:
      return pick(random, letters + digits, 11) + "7q";
    case 2:
      return pick(random, "0123456789abcdef", 16);
    case 3:
      return pick(random, consonants, 5) + "-" + pick(random, consonants, 5);
    case 4:
      return pick(random, consonants, 4) + "_" + pick(random, digits, 4);
    case 5:
      return "X" + pick(random, consonants, 9);
    default:
      return pick(random, consonants, 5) + "\xC3\xA9" + pick(random, consonants, 5);
  }
}

inline std::string base64(const std::string& bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i + 2 < bytes.size(); i += 3) {  // whole groups: the rest varies with what follows
    const auto byte = [&](std::size_t at) { return unsigned{static_cast<unsigned char>(bytes[at])}; };
    const unsigned group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (int shift = 18; shift >= 0; shift -= 6) text += digits[group >> shift & 63];
  }
  return text;
}

inline std::string every_byte_encoded(const std::string& bytes) {
  std::string text;
  char buffer[4];
  for (const char c : bytes) {
    std::snprintf(buffer, sizeof buffer, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    text += buffer;
  }
  return text;
}

/// As in a URL: all but letters, digits and -._~ as their bytes in hexadecimal digits.
inline std::string url_encoded(const std::string& bytes) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::strchr("-._~", c) != nullptr;
  };
  std::string text;
  for (const char c : bytes) text += c != '\0' && plain(c) ? std::string(1, c) : every_byte_encoded({c});
  return text;
}

/// Whether the text shows the mark: as it is, percent-encoded, or in base64 wherever it may stand in a longer secret.
inline bool shows(const std::string& text, const std::string& secret) {
  if (text.find(secret) != std::string::npos || text.find(url_encoded(secret)) != std::string::npos ||
      text.find(every_byte_encoded(secret)) != std::string::npos)
    return true;
  for (std::size_t skipped = 0; skipped < 3; ++skipped)
    if (text.find(base64(secret.substr(skipped))) != std::string::npos) return true;
  return false;
}

/// What a program's exception may say of a secret.
inline std::string message_about(Random& random, const std::string& secret) {
  switch (random() % 14) {
    case 0:
      return "cannot open '" + secret + "'";
    case 1:
      return "cannot open " + secret + ": No such file or directory";
    case 2:
      return "/srv/data/" + secret + "/input.mcool: permission denied";
    case 3:
      return secret + ".txt is not a text file";
    case 4:
      return "GET https://example.org/v1?key=" + url_encoded(secret) + " failed with 403";
    case 5:
      return "bad token " + base64(secret + "padding") + " in request";
    case 6:
      return "user " + secret + " is not allowed";
    case 7:
      return "option --name=" + secret + " makes no sense";
    case 8:
      return "name:" + secret;
    case 9:
      return "[" + secret + "] (" + secret + ")";
    case 10:
      return "host " + secret + ".example.internal does not answer";
    case 11:
      return "mail to " + secret + "@example.org bounced";
    case 12:
      return "value \"" + secret + "\" at line 12345";
    default:
      return "unexpected " + every_byte_encoded(secret) + " after " + secret;
  }
}
