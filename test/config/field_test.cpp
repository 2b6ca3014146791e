#include "config/field.hpp"

#include <doctest/doctest.h>

using config::Field;
using config::Problem;

TEST_CASE("a problem names file, line and column, or the file alone when it has no line") {
    CHECK(Problem{{"device.yaml", 14, 17}, "trial.window: must be at least 1s"}.text() ==
          "device.yaml:14:17: trial.window: must be at least 1s");
    CHECK(Problem{{"device.yaml", 0, 0}, "cannot be read"}.text() == "device.yaml: cannot be read");
}

TEST_CASE("a field with a line was written, one without is the default") {
    Field<int> attempts{3};
    CHECK(*attempts == 3);
    CHECK_FALSE(attempts.is_written());
    attempts.at = {"device.yaml", 1, 1};
    CHECK(attempts.is_written());
}
