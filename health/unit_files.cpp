#include "health/unit_files.hpp"

#include "core/files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace health {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongest = 1024 * 1024;

}   // namespace

Result<std::vector<UnitFile>> read_unit_files(fs::path const& directory) {
    std::vector<UnitFile> files;
    std::error_code failed;
    for (fs::directory_iterator entry{directory, failed}, end; !failed && entry != end;
         entry.increment(failed)) {
        auto const name = entry->path().filename().string();
        if (!is_quadlet(name)) continue;
        auto text = core::read_file(entry->path(), kLongest);
        files.push_back({name, text ? std::move(*text) : std::string{}});
    }
    if (failed && failed != std::errc::no_such_file_or_directory)
        return core::fail(failed, "listing " + directory.string());
    std::ranges::sort(files, {}, &UnitFile::name);
    return files;
}

Result<void> touch_unit_files(fs::path const& directory, Readers readers, Steps const& steps) {
    if (!steps.write.empty()) {
        std::error_code made;
        fs::create_directories(directory, made);
        if (made) return core::fail(made, "making " + directory.string());
        // An app user enters its own directory and nobody else does; its files are root's.
        if (readers.group != 0 && (::chown(directory.c_str(), ::geteuid(), readers.group) != 0 ||
                                   ::chmod(directory.c_str(), 0750) != 0))
            return core::fail_errno("handing " + directory.string() + " to its group");
    }
    unsigned const mode = readers.group != 0 ? 0644 : 0600;
    for (auto const& file : steps.write)
        if (auto ok = core::replace_file(directory / file.name, file.text, mode); !ok) return ok;
    for (auto const& name : steps.remove)
        if (auto ok = core::remove_file(directory / name); !ok) return ok;
    return {};
}

}   // namespace health
