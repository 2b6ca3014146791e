#pragma once
// The bundles this device has rejected, by manifest hash or by signed image digests: only a trial's verdict
// and used-up attempts enter it. Transport, signature and write errors back off instead.
// <data>/state/ledger.json.
//
// A bundle whose attempts were used up (or whose slot did not load, or that was judged while the provider was
// away) gets one more try after 24 h: that can happen to a good one. The 24 h are counted on a clock that can
// be trusted only: an entry is made soon after a boot, when many devices' clocks say 1970. The flag
// retry-update clears the ledger.

#include "core/json.hpp"
#include "core/time.hpp"
#include "ota/installed.hpp"

#include <optional>
#include <string>
#include <vector>

namespace ota {

struct Rejected {
    Installed bundle;
    Rejection why = Rejection::verdict;
    std::string reason;
    core::WallTime at{};
    bool is_dated = true;   // otherwise `at` is of a clock that nobody vouched for
    int times = 1;
    bool operator==(Rejected const&) const = default;
};

class Ledger {
public:
    Ledger() = default;
    explicit Ledger(std::vector<Rejected> entries) : entries_{std::move(entries)} {}

    // A bundle that is known already is counted once more. What has to go for it are used-up attempts before
    // verdicts, then the oldest.
    void add(Rejected entry);

    // Gives every entry without a date that of `now`, from a clock that can be trusted. False: there was
    // none.
    bool date(core::WallTime now);

    // The entry that forbids installing `bundle` at this wall time. One with a time limit stands for as long
    // as the clock cannot be trusted. `trials`: so many rejections of one content make it forbidden.
    std::optional<Rejected>
    refusal_of(Installed const& bundle, core::WallTime now, bool clock_is_trusted, int trials = 1) const;

    std::vector<Rejected> const& entries() const noexcept { return entries_; }

private:
    void make_room();

    std::vector<Rejected> entries_;   // the oldest first, at most 32
};

core::json::object to_json(Ledger const& ledger);
Ledger ledger_from_json(core::json::object const& object);   // entries that do not parse are left out

}   // namespace ota
