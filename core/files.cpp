#include "core/files.hpp"

#include "core/owned.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace core {
namespace {

Result<void> sync_directory(std::filesystem::path const& directory) {
    OwnedFd const fd{::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd || ::fsync(fd.get()) != 0) return fail_errno("syncing " + directory.string());
    return {};
}

// A directory that was made is as durable as the file in it will be.
Result<void> make_directories(std::filesystem::path const& directory) {
    std::error_code unknown;   // mkdir below says what is wrong
    if (directory.empty() || std::filesystem::exists(directory, unknown)) return {};
    if (auto ok = make_directories(directory.parent_path()); !ok) return ok;
    if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST)
        return fail_errno("making " + directory.string());
    return sync_directory(directory.parent_path());
}

Result<void> write_all(int fd, std::string_view content) {
    while (!content.empty()) {
        auto const n = ::write(fd, content.data(), content.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno("writing");
        content.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Result<void> write_synced(std::filesystem::path const& path, std::string_view content, unsigned mode) {
    OwnedFd const fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (!fd) return fail_errno("creating " + path.string());
    // Neither the umask nor what an interrupted writer left behind decides who may read it.
    if (::fchmod(fd.get(), mode) != 0) return fail_errno("setting the mode of " + path.string());
    if (auto ok = write_all(fd.get(), content); !ok) return fail(ok, "writing " + path.string());
    if (::fsync(fd.get()) != 0) return fail_errno("syncing " + path.string());
    return {};
}

}   // namespace

Result<std::string> read_file(std::filesystem::path const& path, std::size_t limit) {
    OwnedFd const fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd && errno == ENOENT) return fail(Errc::not_found, path.string() + " does not exist");
    if (!fd) return fail_errno("opening " + path.string());
    std::string content;
    char piece[16 * 1024];
    for (;;) {
        auto const n = ::read(fd.get(), piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno("reading " + path.string());
        if (n == 0) return content;
        if (content.size() + static_cast<std::size_t>(n) > limit)
            return fail(Errc::too_large,
                        path.string() + " is larger than " + std::to_string(limit) + " bytes");
        content.append(piece, static_cast<std::size_t>(n));
    }
}

Result<void> replace_file(std::filesystem::path const& path, std::string_view content, unsigned mode) {
    if (auto ok = make_directories(path.parent_path()); !ok) return ok;
    auto fresh = path;
    fresh += ".new";
    auto written = write_synced(fresh, content, mode);
    if (written && ::rename(fresh.c_str(), path.c_str()) != 0)
        written = fail_errno("renaming " + fresh.string());
    if (!written) {
        ::unlink(fresh.c_str());   // on a full disk its room is needed
        return written;
    }
    return sync_directory(path.parent_path());
}

Result<void> remove_file(std::filesystem::path const& path) {
    if (::unlink(path.c_str()) != 0) {
        if (errno == ENOENT) return {};
        return fail_errno("removing " + path.string());
    }
    return sync_directory(path.parent_path());
}

}   // namespace core
