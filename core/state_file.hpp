#pragma once
// What must not be lost, one file per feature under <data>/state: a JSON object with a schema number,
// replaced atomically. Readers ignore unknown keys. An unreadable file is set aside as <name>.broken, never
// guessed at.

#include "core/json.hpp"
#include "core/result.hpp"

#include <filesystem>
#include <optional>

namespace core {

class StateFile {
public:
    StateFile(std::filesystem::path path, int schema) : path_{std::move(path)}, schema_{schema} {}

    // Nothing when there is no file. Errors: bad_input (cut, not JSON, newer schema; now set aside), io.
    Result<std::optional<json::object>> read() const;
    Result<void> write(json::object content) const;   // adds the schema number
    Result<void> remove() const;
    std::filesystem::path const& path() const { return path_; }

private:
    std::filesystem::path path_;
    int schema_;
};

}   // namespace core
