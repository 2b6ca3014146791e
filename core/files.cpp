#include "core/files.hpp"

#include "core/owned.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace core {
namespace {

Result<void> sync_directory(std::filesystem::path const& directory) {
    OwnedFd const fd{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd || ::fsync(fd.get()) != 0) return fail_errno("syncing " + directory.string());
    return {};
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
            return fail(Errc::too_large, path.string() + " is larger than " + std::to_string(limit) + " bytes");
        content.append(piece, static_cast<std::size_t>(n));
    }
}

Result<void> replace_file(std::filesystem::path const& path, std::string_view content, unsigned mode) {
    std::error_code ignored;
    std::filesystem::create_directories(path.parent_path(), ignored);   // open() below says what is wrong
    auto fresh = path;
    fresh += ".new";
    {
        OwnedFd const fd{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)};
        if (!fd) return fail_errno("creating " + fresh.string());
        if (auto ok = write_all(fd.get(), content); !ok) return fail(ok, "writing " + fresh.string());
        if (::fsync(fd.get()) != 0) return fail_errno("syncing " + fresh.string());
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0) return fail_errno("renaming " + fresh.string());
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
