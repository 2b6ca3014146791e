#include "health/app_user.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace health {
namespace {

namespace fs = std::filesystem;

// All of them stand in directories that only root can write, so nobody puts a link in their place.
Result<void> make_directory(fs::path const& path, unsigned mode, unsigned uid, unsigned gid) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return core::fail_errno("making " + path.string());
    struct stat is {};
    if (::lstat(path.c_str(), &is) != 0) return core::fail_errno("looking at " + path.string());
    if (!S_ISDIR(is.st_mode)) return core::fail(core::Errc::refused, path.string() + " is no directory");
    bool const is_owned = is.st_uid == uid && is.st_gid == gid;
    if (!is_owned && ::lchown(path.c_str(), uid, gid) != 0)
        return core::fail_errno("giving " + path.string() + " to its owner");
    if ((is.st_mode & 07777) != mode && ::chmod(path.c_str(), mode) != 0)
        return core::fail_errno("setting the mode of " + path.string());
    return {};
}

bool is_below(fs::path const& path, fs::path const& top) {
    auto const relative = path.lexically_relative(top);
    return !relative.empty() && relative != "." && *relative.begin() != "..";
}

}   // namespace

fs::path podman_socket_of(unsigned uid, fs::path const& runtime) {
    return runtime / std::to_string(uid) / "podman" / "podman.sock";
}

Result<AppUser> find_app_user(std::string const& name) {
    std::vector<char> words(16 * 1024);
    passwd entry{};
    passwd* found = nullptr;
    int const failed = ::getpwnam_r(name.c_str(), &entry, words.data(), words.size(), &found);
    if (failed != 0)
        return core::fail(boost::system::error_code(failed, boost::system::system_category()),
                          "looking for the user " + name);
    if (!found)
        return core::fail(core::Errc::not_found, "there is no user " + name +
                                                     " for rootless containers: containers.app_user of "
                                                     "device.yaml names it, the image makes it");
    if (found->pw_uid == 0)
        return core::fail(core::Errc::refused, "containers.app_user must not be root: " + name + " is");
    return AppUser{.name = name, .uid = found->pw_uid, .gid = found->pw_gid, .home = found->pw_dir};
}

Result<void> make_storage(fs::path const& data) {
    auto const containers = data / "containers";
    auto const us = ::geteuid(), our_group = ::getegid();   // root's
    // Entered by the app user on its way to its own, and listed by nobody else.
    for (auto const& path : {containers, containers / "users"})
        if (auto ok = make_directory(path, 0711, us, our_group); !ok) return ok;
    return make_directory(containers / "storage", 0700, us, our_group);
}

Result<void> make_storage_of(fs::path const& data, AppUser const& user) {
    auto const own = data / "containers" / "users" / std::to_string(user.uid);
    if (auto ok = make_directory(own, 0700, user.uid, user.gid); !ok) return ok;
    if (!is_below(user.home, data)) return {};
    return make_directory(user.home, 0700, user.uid, user.gid);
}

}   // namespace health
