#include "net/resolver_watcher.hpp"

#include "core/files.hpp"
#include "net/file_watch.hpp"
#include "net/resolv_conf.hpp"

namespace net {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestResolvConf = 64 * 1024;
constexpr int kMostLinks = 8;

// weakly_canonical() does not follow a link to nothing.
fs::path behind_links(fs::path file) {
    std::error_code failed;
    for (int i = 0; i < kMostLinks && fs::is_symlink(file, failed); ++i)
        file = file.parent_path() / fs::read_symlink(file, failed);
    return file;
}

}   // namespace

void ResolverWatcher::look() {
    auto const text = core::read_file(file_, kLargestResolvConf);
    resolver_.set(text ? parse_resolv_conf(*text) : core::Resolver{});
}

core::Task<void> ResolverWatcher::run() {
    // /etc/resolv.conf is a link where systemd-resolved writes it: what changes is elsewhere, and may not be
    // there yet.
    auto const target = behind_links(file_);
    std::function<void()> const look_again = [this] { look(); };
    auto const why = co_await watch_file(clock_, target, look_again);
    log_(core::Level::warning, "name servers cannot be watched, will retry",
         {{"file", target.string()}, {"why", why}});
}

}   // namespace net
