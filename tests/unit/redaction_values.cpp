// Values that consist of ordinary words and short numbers, which programs and libraries have words for, too.
#include <doctest/doctest.h>

#include <string>
#include <usage_stats.hpp>

#include "program_of_literals.hpp"

using namespace usage_stats::detail;

TEST_CASE("redaction values: a known value of several words goes as a whole, though the program says the same") {
  const Program program({"wrong passphrase: %s", "the file does not exist", "to be or not to be", "no such port"});
  const SensitiveValues sensitive = sensitive_values({"the file does not exist", "to be or not to be"});
  CHECK(program.scrub("wrong passphrase: the file does not exist", sensitive) == "wrong passphrase: <value>");
  CHECK(program.scrub("the file does not exist", sensitive) == "<value>");
  CHECK(program.scrub("The  file\tdoes not EXIST", sensitive) == "<value>");
  CHECK(program.scrub("to be or not to be", sensitive) == "<value>");
  CHECK(program.scrub("no such port", sensitive) == "no such port");
  CHECK(program.scrub("the file does not exist") == "the file does not exist");
}

TEST_CASE("redaction values: a passphrase in a larger value, and one of words between dashes") {
  const Program program({"no such key here", "correct-horse-battery failed"});
  CHECK(program.scrub("no such key here", sensitive_values({R"({"pass": "no such key here"})"})) == "<value>");
  CHECK(program.scrub("no such key here", sensitive_values({"host=db;pass=no such key"})) == "<value>");
  CHECK(program.scrub("correct-horse-battery failed", sensitive_values({"correct-horse-battery"})) == "<value>");
}

TEST_CASE("redaction values: the argument and the variable that hold it are enough") {
  const Program program({"wrong passphrase: %s", "the file does not exist"});
  SensitiveValues sensitive;
  sensitive.add_arguments({"--passphrase", "the file does not exist"});
  CHECK(program.scrub("wrong passphrase: the file does not exist", sensitive) == "wrong passphrase: <value>");
}

TEST_CASE("redaction values: harmless ones of the environment cost no diagnosis") {
  const SensitiveValues sensitive = sensitive_values({"/usr/local/bin:/usr/bin:/bin", "GNU/Linux", "Linux", "en",
                                                      "xterm", "ubuntu:GNOME", "/bin/sh", "read-only", "C"});
  for (const std::string message :
       {"GNU/Linux is needed", "cannot run /bin/sh or xterm", "file system is read-only", "/usr/bin is not writable"})
    CHECK(Program({message}).scrub(message, sensitive) == message);
}

TEST_CASE("redaction values: short numbers beside each other are one, whatever parts them") {
  const Program program({"wrong PIN %s", "at %s", "at line %d, column %d", "version 3.12 at 12:34 is too old"});
  for (const std::string number : {"12 34", "12-34", "12.34", "7-23-9", "3.4.84", "1/2/84", "1-2-3", "48.1, 11.5",
                                   "12, 34, 56, 78", "12 - 34", "12  34  56", "(12) 34 56", "12 :: 3"}) {
    const std::string scrubbed = program.scrub("wrong PIN " + number);
    CAPTURE(scrubbed);
    CHECK(scrubbed.find_first_of("0123456789") == std::string::npos);
    CHECK(scrubbed.substr(0, 10) == "wrong PIN ");
  }
  CHECK(program.scrub("at 3.2") == "at 3.2");
  CHECK(program.scrub("at line 31, column 72") == "at line 31, column 72");
  CHECK(program.scrub("version 3.12 at 12:34 is too old") == "version 3.12 at 12:34 is too old");
}

TEST_CASE("redaction values: a lone word stays only if the program itself has it") {
  for (const std::string word : {"May", "Monday", "secret", "root", "Mark"}) {
    CHECK(Program({"x"}, {word}).scrub(word) == "<value>");
    CHECK(Program({"x"}, {word}).scrub_text(word) == "<value>");
    CHECK(Program({word}, {"x"}).scrub(word) == word);
  }
  CHECK(Program({"x"}, {"Permission denied"}).scrub("Permission denied") == "Permission denied");
  CHECK(Program({"x"}, {"bad_function_call"}).scrub("bad_function_call") == "bad_function_call");
}

TEST_CASE("redaction values: words that occur next to each other in some sentence are not a phrase") {
  const Program program({"title {0} is taken", "wrong secret: ", "cannot open "},
                        {"Too many open files", "whether it is not the case", "they are not on the way", "of the list",
                         "No such file or directory"});
  CHECK(program.scrub("title Too many open files is taken") == "title <value> is taken");
  CHECK(program.scrub("wrong secret: it is not on the list") == "wrong secret: <value>");
  CHECK(program.scrub("cannot open it: No such file or directory") == "cannot open <value>: No such file or directory");
  CHECK(program.scrub("cannot open it: No such file or directory (errno 2)") ==
        "cannot open <value>: No such file or directory (<value>)");
}

TEST_CASE("redaction values: the number of an error or a line stays with the name that the program has") {
  const Program program({"type_error", "[json.exception.", "] no", "src/kernels.cu", "orders", "cannot read "});
  CHECK(program.scrub("[json.exception.type_error.302] no") == "[json.exception.type_error.302] no");
  CHECK(program.scrub("[json.exception.type_error.3021] no") == "[json.exception.type_error<value>] no");
  CHECK(program.scrub("cannot read kernels.cu:142") == "cannot read kernels.cu:142");
  CHECK(program.scrub("cannot read orders.302") == "cannot read <value>");
}

TEST_CASE("redaction values: short words at the end of a literal stay, a name's apostrophe does not show") {
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const Program program({std::string(shift, 'x'), "row {0} bad", "row ", ": value ", "step %d of %d failed"});
    CHECK(program.scrub("row Bob bad") == "row <value> bad");
    CHECK(program.scrub("row 7: value 3") == "row 7: value 3");
    CHECK(program.scrub("step 3 of 7 failed") == "step 3 of 7 failed");
  }
  const Program program({"user %s is unknown"});
  CHECK(program.scrub("user O'Neil is unknown") == "user <value> is unknown");
  CHECK(program.scrub("user D\xE2\x80\x99"
                      "Arc is unknown") == "user <value> is unknown");
}
