#include "net/lease_watcher.hpp"

#include "core/files.hpp"
#include "net/file_watch.hpp"
#include "net/lease_file.hpp"

namespace net {
namespace {

constexpr std::size_t kLargestLeaseFile = 1 << 20;

}   // namespace

void LeaseWatcher::look() {
    auto const text = core::read_file(file_, kLargestLeaseFile);
    bool const is_missing = !text && text.error().is(core::Errc::not_found);   // nobody has asked yet
    auto const why = text || is_missing ? std::string{} : text.error().text();
    if (why != warned_ && !why.empty()) log_(core::Level::warning, "leases cannot be read", {{"why", why}});
    warned_ = why;
    leases_.set(text ? parse_leases(*text) : core::Leases{});
}

core::Task<void> LeaseWatcher::run() {
    std::function<void()> const look_again = [this] { look(); };
    auto const why = co_await watch_file(clock_, file_, look_again);
    log_(core::Level::warning, "leases cannot be watched, will retry",
         {{"directory", file_.parent_path().string()}, {"why", why}});
}

}   // namespace net
