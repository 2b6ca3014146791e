#include "net/network_files.hpp"

#include "core/files.hpp"

#include <algorithm>

namespace net {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestNetworkFile = 64 * 1024;

bool is_ours(std::string const& name) {
    return name.starts_with(kNetworkFilePrefix) && name.ends_with(kNetworkFileSuffix);
}

Result<bool> remove_left_over(fs::path const& directory, std::vector<NetworkFile> const& wanted) {
    std::error_code failed;
    std::vector<fs::path> left_over;
    for (fs::directory_iterator entry{directory, failed}, end; !failed && entry != end;
         entry.increment(failed)) {
        auto const name = entry->path().filename().string();
        if (is_ours(name) && std::ranges::find(wanted, name, &NetworkFile::name) == wanted.end())
            left_over.push_back(entry->path());
    }
    if (failed) return core::fail(failed, "listing " + directory.string());
    for (auto const& path : left_over)
        if (auto ok = core::remove_file(path); !ok) return ok.error();
    return !left_over.empty();
}

}   // namespace

Result<bool> write_network_files(fs::path const& directory, std::vector<NetworkFile> const& wanted) {
    bool is_changed = false;
    for (auto const& [name, text] : wanted) {
        if (auto const there = core::read_file(directory / name, kLongestNetworkFile);
            there && *there == text)
            continue;
        if (auto ok = core::replace_file(directory / name, text); !ok) return ok.error();
        is_changed = true;
    }
    auto const removed = remove_left_over(directory, wanted);
    if (!removed) return removed.error();
    return is_changed || *removed;
}

}   // namespace net
