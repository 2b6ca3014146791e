#include "net/resolver_watcher.hpp"

#include "core/files.hpp"
#include "net/file_watch.hpp"
#include "net/resolv_conf.hpp"

namespace net {
namespace {

constexpr std::size_t kLargestFile = 64 * 1024;

}   // namespace

void ResolverWatcher::look() {
    auto const text = core::read_file(file_, kLargestFile);
    resolver_.set(text ? parse_resolv_conf(*text) : core::Resolver{});
}

core::Task<void> ResolverWatcher::run() {
    // /etc/resolv.conf is a link where systemd-resolved writes it: what changes is elsewhere.
    std::error_code failed;
    auto target = std::filesystem::weakly_canonical(file_, failed);
    if (failed) target = file_;
    std::function<void()> const look_again = [this] { look(); };
    auto const why = co_await watch_file(clock_, target, look_again);
    log_(core::Level::warning, "name servers cannot be watched, will retry",
         {{"file", target.string()}, {"why", why}});
}

}   // namespace net
