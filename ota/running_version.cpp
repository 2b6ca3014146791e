#include "ota/running_version.hpp"

#include "core/files.hpp"

#include <sstream>

namespace ota {

std::string version_id(std::string_view os_release) {
    constexpr std::string_view kKey = "VERSION_ID=";
    std::istringstream lines{std::string{os_release}};
    std::string version;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(kKey)) continue;
        version = line.substr(kKey.size());
        if (version.size() >= 2 && (version.front() == '"' || version.front() == '\'') &&
            version.back() == version.front())
            version = version.substr(1, version.size() - 2);
    }
    return is_version(version) ? version : "";
}

std::string running_version(Books const& books, core::Slot booted, std::filesystem::path const& os_release) {
    auto const& record = books.update();
    bool const written_by_update =
        record && record->target == booted &&
        (record->phase == core::Phase::activated || record->phase == core::Phase::trial ||
         record->phase == core::Phase::committed || record->phase == core::Phase::rolled_back);
    if (written_by_update) return record->bundle.version;
    auto const committed = books.committed().bundles.find(booted);
    if (committed != books.committed().bundles.end()) return committed->second.version;
    auto const text = core::read_file(os_release, 64 * 1024);
    auto const version = text ? version_id(*text) : "";
    return version.empty() ? "unknown" : version;
}

}   // namespace ota
