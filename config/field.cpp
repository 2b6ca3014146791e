#include "config/field.hpp"

namespace config {

std::string Problem::text() const {
    auto where = at.file;
    if (at.line > 0) where += ':' + std::to_string(at.line) + ':' + std::to_string(at.column);
    return where + ": " + what;
}

}   // namespace config
